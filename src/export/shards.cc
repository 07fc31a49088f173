#include "export/shards.h"

#include <array>
#include <charconv>
#include <limits>

#include "bytes/json.h"
#include "bytes/output_file.h"
#include "checkpoint/checkpoint.h"
#include "crossload/error.h"
#include "export/variable_names.h"
#include "export/weights.h"

namespace crossload::exporting {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t bytes;
};

// The longer names first: "MiB" ends in "B" as well.
constexpr std::array<Unit, 6> kUnits = {{
    {"GIB", std::int64_t{1} << 30},
    {"MIB", std::int64_t{1} << 20},
    {"KIB", std::int64_t{1} << 10},
    {"GB", 1'000'000'000},
    {"MB", 1'000'000},
    {"KB", 1'000},
}};

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return result;
}

[[noreturn]] void bad_size(std::string_view text) {
  throw Error(ErrorKind::kUsage, "shard size \"" + std::string(text) +
                                     "\": a positive number with a unit is expected, such as 10GB, 500MB or 200MiB");
}

/// Sorted names and two blanks a level, as Transformers writes it.
std::string index_text(std::int64_t total_size, const std::map<std::string, std::string>& weight_map) {
  bytes::Json metadata = bytes::Json::object();
  metadata.set("total_size", total_size);
  bytes::Json map = bytes::Json::object();
  for (const auto& [name, shard] : weight_map) map.set(name, shard);
  bytes::Json index = bytes::Json::object();
  index.set("metadata", metadata);
  index.set("weight_map", map);
  return index.dump_pretty();
}

std::string five_digits(std::size_t number) {
  const std::string digits = std::to_string(number);
  return digits.size() < 5 ? std::string(5 - digits.size(), '0') + digits : digits;
}

}  // namespace

std::int64_t parse_shard_size(std::string_view text) {
  const std::string name = upper(text);
  std::string_view digits = text;
  std::int64_t unit = 1;
  bool bits = false;
  for (const Unit& candidate : kUnits) {
    if (name.ends_with(candidate.name)) {
      digits = text.substr(0, text.size() - candidate.name.size());
      unit = candidate.bytes;
      bits = candidate.name.size() == 2 && text.ends_with('b');
      break;
    }
  }
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size() || number <= 0 ||
      number > std::numeric_limits<std::int64_t>::max() / unit) {
    bad_size(text);
  }
  const std::int64_t size = bits ? number * unit / 8 : number * unit;
  if (size == 0) bad_size(text);
  return size;
}

std::vector<std::vector<const keras::Variable*>> plan_shards(const std::vector<const keras::Variable*>& variables,
                                                             std::int64_t max_size) {
  std::vector<std::vector<const keras::Variable*>> shards(1);
  std::int64_t size = 0;
  for (const keras::Variable* variable : variables) {
    const std::int64_t bytes = byte_size(*variable);
    if (!shards.back().empty() && bytes > max_size - size) {
      shards.emplace_back();
      size = 0;
    }
    shards.back().push_back(variable);
    size += bytes;
  }
  return shards;
}

std::string shard_file_name(std::string_view file_name, std::size_t index, std::size_t count) {
  const std::size_t dot = file_name.rfind('.');
  return std::string(file_name.substr(0, dot)) + "-" + five_digits(index + 1) + "-of-" + five_digits(count) +
         std::string(file_name.substr(dot));
}

std::vector<std::string> write_shards(const std::filesystem::path& folder, std::string_view file_name,
                                      std::string_view scope,
                                      const std::vector<std::vector<const keras::Variable*>>& shards,
                                      const ShardWriter& write) {
  std::vector<std::string> files;
  std::map<std::string, std::string> weight_map;
  std::int64_t total_size = 0;
  for (const std::vector<const keras::Variable*>& shard : shards) {
    files.push_back(shard_file_name(file_name, files.size(), shards.size()));
    write(folder / files.back(), scope, shard);
    for (const keras::Variable* variable : shard) {
      weight_map[full_name(scope, variable->name)] = files.back();
      total_size += byte_size(*variable);
    }
  }
  files.push_back(std::string(file_name) + ".index.json");
  bytes::write_file(folder / files.back(), index_text(total_size, weight_map));
  return files;
}

}  // namespace crossload::exporting

#include "export/shards.h"

#include "bytes/json.h"
#include "bytes/output_file.h"
#include "export/variable_names.h"
#include "export/weights.h"

namespace crossload::exporting {
namespace {

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

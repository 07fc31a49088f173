#include "crossload/shard_size.h"

#include <array>
#include <charconv>
#include <limits>
#include <string>

#include "crossload/error.h"

namespace crossload {
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

}  // namespace crossload

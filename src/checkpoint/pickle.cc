#include "checkpoint/pickle.h"

#include <array>

namespace crossload::checkpoint {

std::string_view name_of(PickleKind kind) {
  constexpr std::array<std::string_view, 13> kNames = {
      "None",    "a bool", "an integer", "a large integer", "a float",   "a string", "bytes",
      "a tuple", "a list", "a dict",     "a global",        "a storage", "a tensor"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string quoted_name(std::string_view name) {
  constexpr std::size_t kShown = 200;
  std::string text = "\"";
  for (char c : name.substr(0, kShown)) text += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return text + (name.size() > kShown ? "...\"" : "\"");
}

}  // namespace crossload::checkpoint

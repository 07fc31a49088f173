#include "keras/place.h"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>
#include <string_view>

namespace crossload::keras {
namespace {

std::string demangled(const std::type_info& type) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(abi::__cxa_demangle(type.name(), nullptr, nullptr, &status),
                                                         &std::free);
  return status == 0 ? text.get() : type.name();
}

/// Without namespaces: "crossload::models::(anonymous namespace)::TFStack<crossload::keras::Dense>" is
/// "TFStack<Dense>".
std::string without_namespaces(const std::string& name) {
  std::string result;
  std::size_t word = 0;  // where the identifier begins that is being copied
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name.compare(i, 2, "::") == 0) {
      result.resize(word);
      ++i;
      continue;
    }
    result += name[i];
    if (name[i] == '<' || name[i] == ',' || name[i] == ' ') {
      // "(anonymous namespace)" is one word.
      if (!result.ends_with("(anonymous ")) word = result.size();
    }
  }
  return result;
}

/// Builds that do not map the folder away (see cmake/Rooms.cmake) have it in the name, and a header is found by the door
/// of its room: "build/rooms/keras/keras/layers.h".
std::string below_repository(std::string_view file) {
  constexpr std::string_view kDoors = "rooms/";
  const std::size_t sources = file.rfind("/src/");
  const std::size_t doors = file.rfind(kDoors);
  if (doors != std::string_view::npos && (sources == std::string_view::npos || doors > sources)) {
    return "src" + std::string(file.substr(file.find('/', doors + kDoors.size())));
  }
  return std::string(sources == std::string_view::npos ? file : file.substr(sources + 1));
}

}  // namespace

Place place_of(const std::string& path, const std::type_info& type, const std::source_location& where) {
  return {path, without_namespaces(demangled(type)), below_repository(where.file_name()),
          static_cast<int>(where.line())};
}

}  // namespace crossload::keras

#include "bytes/environment.h"

#include <cstdlib>

namespace crossload::bytes {

namespace fs = std::filesystem;

fs::path path_from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? fs::path() : fs::path(value);
}

std::vector<fs::path> virtual_environments() {
  std::error_code ignored;
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  std::vector<fs::path> places = {program / ".." / ".venv", ".venv"};
  if (const fs::path active = path_from_environment("VIRTUAL_ENV"); !active.empty()) {
    places.insert(places.begin(), active);
  }
  return places;
}

}  // namespace crossload::bytes

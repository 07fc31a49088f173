#include "contribute/source_tree.h"

#include "crossload/error.h"

namespace crossload::contribute {
namespace {

bool is_root(const std::filesystem::path& folder) {
  return std::filesystem::is_directory(folder / "src" / "models") &&
         std::filesystem::is_directory(folder / "tests" / "goldens");
}

}  // namespace

std::filesystem::path source_root(const std::filesystem::path& given) {
  const std::filesystem::path start = given.empty() ? std::filesystem::current_path() : given;
  if (is_root(start)) return start;
  for (std::filesystem::path folder = start; given.empty() && folder.has_relative_path();) {
    folder = folder.parent_path();
    if (is_root(folder)) return folder;
  }
  throw Error(ErrorKind::kUsage, start.string() +
                                     ": is not in Crossload's sources (src/models/, tests/goldens/); change there, or "
                                     "name them with --source");
}

}  // namespace crossload::contribute

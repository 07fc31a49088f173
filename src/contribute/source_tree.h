// Where the project's own sources are: the commands for contributors work on them.
#pragma once

#include <filesystem>

namespace crossload::contribute {

/// `given`, or the current folder or the nearest above it with src/models/ and tests/goldens/. Throws Error(kUsage).
std::filesystem::path source_root(const std::filesystem::path& given);

}  // namespace crossload::contribute

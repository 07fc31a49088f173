// Small files that are written whole or not at all.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>

namespace crossload::bytes {

/// Writes a file beside the path and renames it over it, so that no reader sees half of it and no other user a mode
/// that is too wide. Makes missing folders. Throws Error(kEnvironment).
void write_whole(const std::filesystem::path& path, const std::string& content, mode_t mode);

/// Nothing when there is no such file. Throws Error(kEnvironment) when it cannot be read or is over a MiB.
std::optional<std::string> read_small(const std::filesystem::path& path);

}  // namespace crossload::bytes

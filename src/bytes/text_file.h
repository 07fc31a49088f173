// Text files, read whole.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace crossload::bytes {

/// The whole of a text file, at most `limit` bytes. Throws Error(kBadInput).
std::string read_text(const std::filesystem::path& path, std::size_t limit = 64 << 20);

}  // namespace crossload::bytes

// Content hashes of files.
#pragma once

#include <filesystem>
#include <string>

namespace crossload::verify {

/// The SHA-256 of a file's bytes in hexadecimal. Throws Error(kBadInput) when it cannot be read.
std::string sha256_of_file(const std::filesystem::path& path);

}  // namespace crossload::verify

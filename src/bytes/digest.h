// Content hashes: what certificates and the Hub know files by.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace crossload::bytes {

/// A hash that is fed piece by piece.
class Digest {
 public:
  enum class Kind { kSha1, kSha256 };
  /// Throws Error(kEnvironment) when the library refuses the kind.
  explicit Digest(Kind kind);
  ~Digest();
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;

  void update(std::span<const std::byte> bytes);
  void update(const std::string& text) { update(std::as_bytes(std::span(text))); }
  /// The hash in hexadecimal, lower case. Nothing may be fed afterwards.
  std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The SHA-256 of a file's bytes in hexadecimal. Throws Error(kBadInput) when it cannot be read.
std::string sha256_of_file(const std::filesystem::path& path);

/// The name that git gives to a file's content: SHA-1 over "blob SIZE\0" and the bytes. Throws like sha256_of_file.
std::string git_sha1_of_file(const std::filesystem::path& path);

}  // namespace crossload::bytes

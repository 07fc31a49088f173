// One file of the cache while it arrives: blobs/<etag>.incomplete, until it is whole and proved.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace crossload::hub {

class BlobWriter {
 public:
  /// Opens what an earlier run left, or makes the file. More than `size` bytes there are discarded. Throws
  /// Error(kEnvironment).
  BlobWriter(std::filesystem::path path, std::int64_t size);
  ~BlobWriter();
  BlobWriter(const BlobWriter&) = delete;
  BlobWriter& operator=(const BlobWriter&) = delete;

  /// Bytes that are there.
  std::int64_t done() const { return done_; }
  /// Throws Error(kEnvironment) when the disk has no room for what is missing.
  void require_room() const;
  /// Appends. Throws Error(kEnvironment) when the disk is full; what was written stays for a later run. Throws it also
  /// when another process has written to the file: some file systems of clusters grant a lock to all who ask.
  void append(std::string_view bytes);
  /// Discards everything.
  void restart();
  /// The hash that names the content: "sha256" for an etag of 64 digits, git's SHA-1 for one of 40, empty for another.
  static std::string hash_of(const std::filesystem::path& path, const std::string& etag);
  /// Puts the bytes on the disk and gives the file its name. Throws Error(kEnvironment).
  void finish(const std::filesystem::path& blob);

 private:
  [[noreturn]] void fail(int error) const;

  std::filesystem::path path_;
  std::int64_t size_;
  std::int64_t done_ = 0;
  int fd_ = -1;
};

}  // namespace crossload::hub

// A file mapped for reading.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

namespace crossload::bytes {

/// The bytes of a file, paged in as they are read and shared with the page cache, so that a checkpoint larger than the
/// memory can be read. The views on it keep it alive through the shared pointer.
class MappedFile {
 public:
  /// Throws Error(kBadInput) when the path is no readable regular file.
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::filesystem::path& path() const { return path_; }

 private:
  MappedFile(std::filesystem::path path, const std::byte* data, std::size_t size);

  std::filesystem::path path_;
  const std::byte* data_;
  std::size_t size_;
};

}  // namespace crossload::bytes

// Files being written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace crossload::bytes {

/// A new file, written from its beginning to its end. Every failure (disk full, no permission) is an
/// Error(kEnvironment) that names the file. A file that was not closed is left as it is.
///
///     OutputFile file(folder / "model.safetensors");
///     file.append(header);
///     file.append(data);
///     file.close();
class OutputFile {
 public:
  /// Replaces the file when it exists.
  explicit OutputFile(std::filesystem::path path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void append(std::span<const std::byte> bytes);
  void append(std::string_view text);
  /// Bytes so far.
  std::uint64_t size() const { return size_; }

  /// Waits until the bytes are on the disk.
  void sync();
  void close();

 private:
  std::filesystem::path path_;
  int fd_;
  std::uint64_t size_ = 0;
};

/// What errno says after a failed write, and what to do about it.
std::string write_failure(int error);

/// Writes a whole file and waits until it is on the disk. Throws Error(kEnvironment).
void write_file(const std::filesystem::path& path, std::string_view bytes);

}  // namespace crossload::bytes

// What the fuzz targets share: bytes that end where an error would be seen, and files of them.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "crossload/error.h"
#include "tensor/tensor_view.h"

namespace crossload::fuzz {

/// A copy of exactly the input's size, so that AddressSanitizer sees every read behind it.
struct Input {
  explicit Input(std::span<const std::uint8_t> data)
      : owner(std::make_shared<std::vector<std::uint8_t>>(data.begin(), data.end())) {}

  std::span<const std::byte> bytes() const { return std::as_bytes(std::span<const std::uint8_t>(*owner)); }
  std::string_view text() const { return {reinterpret_cast<const char*>(owner->data()), owner->size()}; }

  std::shared_ptr<std::vector<std::uint8_t>> owner;
};

/// A folder in memory for readers of files, one for the process.
inline const std::filesystem::path& folder() {
  struct Folder {
    Folder() {
      std::string name = "/dev/shm/crossload-fuzz-XXXXXX";
      if (::mkdtemp(name.data()) == nullptr) std::abort();
      path = name;
    }
    ~Folder() {
      std::error_code ignored;
      std::filesystem::remove_all(path, ignored);
    }
    std::filesystem::path path;
  };
  static const Folder made;
  return made.path;
}

/// Writes the input to a file of the folder.
inline std::filesystem::path file_of(std::string_view text, const std::string& name) {
  const std::filesystem::path path = folder() / name;
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
  return path;
}

/// Reads every byte of a tensor: views must lie in memory that is there, with the bytes that their shapes need.
inline void touch(const tensor::TensorView& view) {
  const auto wanted = static_cast<std::size_t>(element_count(view.shape)) * size_of(view.dtype);
  if (view.bytes.size() != wanted) std::abort();
  volatile unsigned sum = 0;
  for (const std::byte byte : view.bytes) sum = sum + static_cast<unsigned>(byte);
}

/// Runs a reader. An Error is what bad input must give; every other exception ends the process, which is a finding.
/// Errors must be one line, of a kind that blames the input.
template <class Action>
int expect_error_or_success(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    const bool blames_input = error.kind() == ErrorKind::kBadInput || error.kind() == ErrorKind::kUnsupported;
    if (!blames_input || std::string_view(error.what()).find('\n') != std::string_view::npos) std::abort();
  }
  return 0;
}

}  // namespace crossload::fuzz

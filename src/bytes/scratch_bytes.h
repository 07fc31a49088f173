// Memory for what must be copied and may be large.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace crossload::bytes {

/// Zeros that can be written. Up to kMaxPrivateScratch they are on the heap; more are a mapped file without a name in
/// the system's temporary folder (TMPDIR), which the system can move to the disk, so that private memory stays small.
class ScratchBytes {
 public:
  /// Throws Error(kEnvironment) when the temporary folder has no room.
  static std::shared_ptr<ScratchBytes> make(std::size_t size);
  ~ScratchBytes();
  ScratchBytes(const ScratchBytes&) = delete;
  ScratchBytes& operator=(const ScratchBytes&) = delete;

  std::span<std::byte> bytes() const { return {data_, size_}; }

 private:
  ScratchBytes(std::byte* data, std::size_t size, bool mapped) : data_(data), size_(size), mapped_(mapped) {}

  std::byte* data_;
  std::size_t size_;
  bool mapped_;
};

/// For all of one process it is the callers' sum that counts: tensors of a few KiB are many, and together small.
inline constexpr std::size_t kMaxPrivateScratch = std::size_t{64} << 10;

}  // namespace crossload::bytes

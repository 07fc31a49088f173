// The zip format, read in place.
//
//   entry          50 4b 03 04, a header of 30 bytes, the name, extra fields (PyTorch pads with them), the data
//   ...
//   directory      50 4b 01 02, 46 bytes with method, sizes and the entry's offset, name, extra fields, comment
//   zip64 end      50 4b 06 06, 56 bytes, and its locator 50 4b 06 07, 20 bytes: only when 32 bits do not do
//   end            50 4b 05 06, 22 bytes with count, size and offset of the directory, and a comment
//
//   ZipArchive archive = ZipArchive::parse(bytes, owner, "pytorch_model.bin");
//   ZipContent pickle = archive.read("archive/data.pkl");
//
// The directory is what counts. Names are keys: nothing is ever extracted, so "../x" is a name like another.
// Source: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 to 4.5.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>

namespace crossload::checkpoint {

/// Entries of one archive. PyTorch writes one a storage; the largest public checkpoints have some ten thousand.
inline constexpr std::uint64_t kMaxZipEntries = 1'000'000;
/// What all deflated entries of one archive may come to, since they are inflated into memory. PyTorch writes none.
inline constexpr std::uint64_t kMaxInflatedBytes = std::uint64_t{1} << 30;

struct ZipEntry {
  std::uint64_t offset = 0;  // of its data
  std::uint64_t stored = 0;  // bytes in the file
  std::uint64_t size = 0;    // bytes of content
  std::uint32_t crc = 0;
  bool deflated = false;
};

/// Bytes and what keeps them alive.
struct ZipContent {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
};

class ZipArchive {
 public:
  /// True when the bytes begin as an archive does that holds something.
  static bool looks_like(std::span<const std::byte> bytes);
  /// Checks the whole directory: bounds, overlaps, duplicate names, methods. `where` begins the errors. Throws
  /// Error(kBadInput), or Error(kUnsupported) for encryption and other methods than stored and deflated.
  static ZipArchive parse(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                          const std::string& where);

  const std::map<std::string, ZipEntry>& entries() const { return entries_; }
  /// A stored entry's bytes in the file itself, unchecked against their CRC-32 as in PyTorch, which can leave it out;
  /// a deflated entry's in memory, checked. Throws Error(kBadInput), also for an unknown name.
  ZipContent read(const std::string& name) const;

 private:
  std::span<const std::byte> bytes_;
  std::shared_ptr<const void> owner_;
  std::string where_;
  std::map<std::string, ZipEntry> entries_;
};

}  // namespace crossload::checkpoint

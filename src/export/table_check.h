// What LevelDB does not check in a table before it allocates. Inside src/export/.
//
//   data blocks       each: entries, an array of restarts, then 1 byte of compression and 4 of checksum
//   metaindex block
//   index block       its entries' values are handles of the data blocks: offset and size as varint64
//   48 bytes          handles of the metaindex and the index block, padding, the magic number in 8 bytes
//
// Source: doc/table_format.md of LevelDB 1.23.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace crossload::exporting {

/// What one compressed block may unfold into. TensorFlow's have 256 KiB and are not compressed.
inline constexpr std::size_t kMaxTableBlock = std::size_t{64} << 20;

/// Throws Error(kBadInput) when a block does not lie in the file or unfolds into more than kMaxTableBlock. What LevelDB
/// checks itself (checksums, order) is left to it. `where` begins the errors.
void check_table(std::span<const std::byte> table, const std::string& where);

}  // namespace crossload::exporting

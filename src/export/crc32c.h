// CRC-32C (Castagnoli), the checksum of TensorFlow's and LevelDB's files.
//
// The check value of "123456789" is 0xe3069283. A checksum that is stored next to the bytes it covers is masked:
// rotated right by 15 bits, plus 0xa282ead8.
//
// Sources: RFC 3720, appendix B.4; util/crc32c.h of LevelDB.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace crossload::exporting {

/// The checksum of A followed by `bytes`, where `crc` is the checksum of A (0 for no bytes). Uses the instruction of
/// SSE 4.2 where the processor has it.
std::uint32_t extend_crc32c(std::uint32_t crc, std::span<const std::byte> bytes);

/// The same by tables, on any processor.
std::uint32_t extend_crc32c_portable(std::uint32_t crc, std::span<const std::byte> bytes);

std::uint32_t mask_crc32c(std::uint32_t crc);

}  // namespace crossload::exporting

#include "export/crc32c.h"

#include <array>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace crossload::exporting {
namespace {

constexpr std::uint32_t kPolynomial = 0x82f63b78U;  // reflected
constexpr std::uint32_t kMaskDelta = 0xa282ead8U;

using Table = std::array<std::uint32_t, 256>;

/// tables[k][b]: what byte b contributes when k more bytes follow it in a group of eight.
constexpr std::array<Table, 8> make_tables() {
  std::array<Table, 8> tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? kPolynomial : 0U);
    tables[0][byte] = crc;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[k - 1][byte];
      tables[k][byte] = (before >> 8U) ^ tables[0][before & 0xffU];
    }
  }
  return tables;
}

constexpr std::array<Table, 8> kTables = make_tables();

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t extend_sse42(std::uint32_t crc, std::span<const std::byte> bytes) {
  std::uint64_t state = ~crc;
  std::size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    std::uint64_t group;
    std::memcpy(&group, bytes.data() + i, 8);
    state = _mm_crc32_u64(state, group);
  }
  auto rest = static_cast<std::uint32_t>(state);
  for (; i < bytes.size(); ++i) rest = _mm_crc32_u8(rest, std::to_integer<std::uint8_t>(bytes[i]));
  return ~rest;
}
#endif

}  // namespace

std::uint32_t extend_crc32c_portable(std::uint32_t crc, std::span<const std::byte> bytes) {
  std::uint32_t state = ~crc;
  std::size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    std::uint32_t next = 0;
    for (std::size_t k = 0; k < 8; ++k) {
      auto byte = std::to_integer<std::uint32_t>(bytes[i + k]);
      if (k < 4) byte ^= (state >> (8 * k)) & 0xffU;
      next ^= kTables[7 - k][byte];
    }
    state = next;
  }
  for (; i < bytes.size(); ++i) {
    state = (state >> 8U) ^ kTables[0][(state ^ std::to_integer<std::uint32_t>(bytes[i])) & 0xffU];
  }
  return ~state;
}

std::uint32_t extend_crc32c(std::uint32_t crc, std::span<const std::byte> bytes) {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  if (has_instruction) return extend_sse42(crc, bytes);
#endif
  return extend_crc32c_portable(crc, bytes);
}

std::uint32_t mask_crc32c(std::uint32_t crc) { return std::rotr(crc, 15) + kMaskDelta; }

}  // namespace crossload::exporting

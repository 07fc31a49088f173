// The two half precisions: rounding to them, as a checkpoint that was saved in one of them did, and their bits.
#pragma once

#include <bit>
#include <cstdint>

namespace crossload::tensor {

/// The nearest float16 (ties to even), as float: 11 bits, 6e-8 apart below 6.1e-5, infinity from 65520.
float through_float16(float value);
/// The nearest bfloat16 (ties to even), as float: 8 bits, float's range.
float through_bfloat16(float value);

/// The same as bits: 0x3c00 and 0x3f80 for 1. A NaN stays one.
std::uint16_t float16_bits(float value);
std::uint16_t bfloat16_bits(float value);

/// The value of the bits, exact. Here, since a loop over a checkpoint's elements calls it.
inline float float_of_float16(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000U) << 16U;
  const std::uint32_t magnitude = bits & 0x7fffU;
  if (magnitude >= 0x7c00U) {  // infinity and NaN keep their payload
    return std::bit_cast<float>(sign | 0x7f800000U | ((magnitude & 0x3ffU) << 13U));
  }
  if (magnitude >= 0x0400U) {
    return std::bit_cast<float>(sign | ((magnitude << 13U) + 0x38000000U));
  }
  const float value = static_cast<float>(magnitude) * 0x1p-24F;  // zero and subnormals, exact
  return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(value));
}
inline float float_of_bfloat16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U);
}

}  // namespace crossload::tensor

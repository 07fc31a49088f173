#include "tensor/half.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace crossload::tensor {
namespace {

/// Rounds to `bits` explicit bits of mantissa; carries into the exponent, up to infinity.
float rounded(float value, unsigned bits) {
  const unsigned drop = 23 - bits;
  const auto word = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t half = (1U << (drop - 1U)) - 1U + ((word >> drop) & 1U);
  return std::bit_cast<float>((word + half) & ~((1U << drop) - 1U));
}

}  // namespace

float through_float16(float value) {
  constexpr float kSmallestNormal = 0x1p-14F;
  constexpr float kLargest = 65504;
  if (!std::isfinite(value)) return value;
  if (std::abs(value) < kSmallestNormal) return std::nearbyint(value * 0x1p24F) * 0x1p-24F;
  const float result = rounded(value, 10);
  return std::abs(result) > kLargest ? std::copysign(std::numeric_limits<float>::infinity(), value) : result;
}

float through_bfloat16(float value) { return std::isfinite(value) ? rounded(value, 7) : value; }

}  // namespace crossload::tensor

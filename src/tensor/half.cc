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

std::uint16_t float16_bits(float value) {
  const auto sign = static_cast<std::uint16_t>(std::signbit(value) ? 0x8000U : 0U);
  if (std::isnan(value)) return static_cast<std::uint16_t>(sign | 0x7e00U);
  const float nearest = std::abs(through_float16(value));
  if (std::isinf(nearest)) return static_cast<std::uint16_t>(sign | 0x7c00U);
  if (nearest < 0x1p-14F) return static_cast<std::uint16_t>(sign | static_cast<unsigned>(nearest * 0x1p24F));
  return static_cast<std::uint16_t>(sign | ((std::bit_cast<std::uint32_t>(nearest) - 0x38000000U) >> 13U));
}

std::uint16_t bfloat16_bits(float value) {
  const auto word = std::bit_cast<std::uint32_t>(through_bfloat16(value));
  return static_cast<std::uint16_t>((word >> 16U) | (std::isnan(value) ? 0x40U : 0U));
}

}  // namespace crossload::tensor

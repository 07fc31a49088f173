// Keys' cubic convolution with A = -0.75, as PyTorch interpolates.
#pragma once

#include <array>

#include "tf/ops.h"

namespace crossload::lowering {

/// How much the four pixels round a place count; t is the way from the second. T: a number, or a tensor of places.
template <typename T>
std::array<T, 4> cubic_weights(const T& t) {
  constexpr double kA = -0.75;
  const auto near = [](const T& x) { return ((kA + 2) * x - (kA + 3)) * x * x + 1; };
  const auto far = [](const T& x) { return ((kA * x - 5 * kA) * x + 8 * kA) * x - 4 * kA; };
  return {far(t + 1), near(t), near(1 - t), far(2 - t)};
}

}  // namespace crossload::lowering

// Keys' cubic convolution. T: a number, or a tensor of them.
#pragma once

#include <array>

#include "tf/ops.h"

namespace crossload::lowering {

/// How much a pixel counts at a distance from 0 to 1.
template <typename T>
T cubic_near(const T& x, double a) {
  return ((a + 2) * x - (a + 3)) * x * x + 1;
}

/// The same from 1 to 2.
template <typename T>
T cubic_far(const T& x, double a) {
  return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
}

/// How much the four pixels round a place count, as PyTorch interpolates; t is the way from the second.
template <typename T>
std::array<T, 4> cubic_weights(const T& t) {
  constexpr double kA = -0.75;
  return {cubic_far<T>(t + 1, kA), cubic_near<T>(t, kA), cubic_near<T>(1 - t, kA), cubic_far<T>(2 - t, kA)};
}

}  // namespace crossload::lowering

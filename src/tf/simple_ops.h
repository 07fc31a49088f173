// For the sources of operations: nodes that have inputs alone.
#pragma once

#include <vector>

#include "tf/graph.h"

namespace crossload::tf {

inline Tensor unary(const char* type, const Tensor& x) { return x.graph().operation(type).input(x).output(); }

inline Tensor binary(const char* type, const Tensor& a, const Tensor& b) {
  return a.graph().operation(type).input(a).input(b).output();
}

inline std::vector<std::int32_t> to_int32(const std::vector<int>& values) { return {values.begin(), values.end()}; }

/// An axis counted from the front. Throws OperationError when there is none such.
inline int positive_axis(const Tensor& x, int axis) {
  x.dim(axis);
  return axis < 0 ? axis + x.rank() : axis;
}

}  // namespace crossload::tf

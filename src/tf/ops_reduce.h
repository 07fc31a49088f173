// Over axes: sums and their like, positions, orders. Without axes nothing is reduced, as in TensorFlow.
#pragma once

#include "tf/dim.h"

namespace crossload::tf {

Tensor reduce_all(const Tensor& x, const std::vector<int>& axes, bool keep_dims);
Tensor reduce_any(const Tensor& x, const std::vector<int>& axes, bool keep_dims);
/// Over nothing -infinity, or the lowest integer; reduce_min gives the opposite, reduce_prod 1, reduce_mean NaN.
Tensor reduce_max(const Tensor& x, const std::vector<int>& axes, bool keep_dims);
Tensor reduce_mean(const Tensor& x, const std::vector<int>& axes, bool keep_dims);
Tensor reduce_min(const Tensor& x, const std::vector<int>& axes, bool keep_dims);
Tensor reduce_prod(const Tensor& x, const std::vector<int>& axes, bool keep_dims);
Tensor reduce_sum(const Tensor& x, const std::vector<int>& axes, bool keep_dims);

/// int32: the first position of the largest element along one axis, which is dropped.
Tensor argmax(const Tensor& x, int axis);
/// The same of the smallest.
Tensor argmin(const Tensor& x, int axis);
struct TopK {
  Tensor values;
  Tensor indices;  // int32
};
/// The k largest along the last axis, the largest first; of equal ones that which comes first.
TopK top_k(const Tensor& x, const Dim& k);

struct Running {
  bool exclusive = false;  // of the elements before each alone
  bool reverse = false;    // from the end
};
/// The sum of each element and those before it along one axis.
Tensor cumsum(const Tensor& x, int axis, const Running& running = {});

/// Over one axis, the last by default.
Tensor softmax(const Tensor& x, int axis = -1);
Tensor log_softmax(const Tensor& x, int axis = -1);

}  // namespace crossload::tf

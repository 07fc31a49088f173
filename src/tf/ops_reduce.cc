#include "tf/ops_reduce.h"

#include <numeric>

#include "tf/ops_array.h"
#include "tf/simple_ops.h"

namespace crossload::tf {
namespace {

Tensor reduce(const char* type, const Tensor& x, const std::vector<int>& axes, bool keep_dims) {
  return x.graph()
      .operation(type)
      .input(x)
      .input(x.graph().constant(to_int32(axes)))
      .flag("keep_dims", keep_dims)
      .output();
}

Tensor position(const char* type, const Tensor& x, int axis) {
  return x.graph()
      .operation(type)
      .input(x)
      .input(x.graph().constant(static_cast<std::int32_t>(axis)))
      .type("output_type", DataType::kInt32)
      .output();
}

/// Of an operation that knows the last axis alone.
Tensor over_axis(const char* type, const Tensor& x, int axis) {
  if (axis == -1) return unary(type, x);
  const int at = positive_axis(x, axis);
  const int last = x.rank() - 1;
  if (at == last) return unary(type, x);
  std::vector<int> swapped(static_cast<std::size_t>(x.rank()));
  std::iota(swapped.begin(), swapped.end(), 0);
  std::swap(swapped[static_cast<std::size_t>(at)], swapped.back());
  return transpose(unary(type, transpose(x, swapped)), swapped);
}

}  // namespace

Tensor reduce_all(const Tensor& x, const std::vector<int>& axes, bool keep_dims) {
  return reduce("All", x, axes, keep_dims);
}
Tensor reduce_any(const Tensor& x, const std::vector<int>& axes, bool keep_dims) {
  return reduce("Any", x, axes, keep_dims);
}
Tensor reduce_max(const Tensor& x, const std::vector<int>& axes, bool keep_dims) {
  return reduce("Max", x, axes, keep_dims);
}
Tensor reduce_mean(const Tensor& x, const std::vector<int>& axes, bool keep_dims) {
  return reduce("Mean", x, axes, keep_dims);
}
Tensor reduce_min(const Tensor& x, const std::vector<int>& axes, bool keep_dims) {
  return reduce("Min", x, axes, keep_dims);
}
Tensor reduce_prod(const Tensor& x, const std::vector<int>& axes, bool keep_dims) {
  return reduce("Prod", x, axes, keep_dims);
}
Tensor reduce_sum(const Tensor& x, const std::vector<int>& axes, bool keep_dims) {
  return reduce("Sum", x, axes, keep_dims);
}

Tensor argmax(const Tensor& x, int axis) { return position("ArgMax", x, axis); }
Tensor argmin(const Tensor& x, int axis) { return position("ArgMin", x, axis); }

TopK top_k(const Tensor& x, const Dim& k) {
  const std::vector<Tensor> found = x.graph().operation("TopKV2").input(x).input(k.as_tensor(x.graph())).outputs();
  return {found[0], found[1]};
}

Tensor cumsum(const Tensor& x, int axis, const Running& running) {
  const Tensor along = x.graph().constant(static_cast<std::int32_t>(axis));
  return x.graph()
      .operation("Cumsum")
      .input(x)
      .input(along)
      .flag("exclusive", running.exclusive)
      .flag("reverse", running.reverse)
      .output();
}

Tensor softmax(const Tensor& x, int axis) { return over_axis("Softmax", x, axis); }
Tensor log_softmax(const Tensor& x, int axis) { return over_axis("LogSoftmax", x, axis); }

}  // namespace crossload::tf

// TensorFlow's operations as functions, with the names they have in Python. Shapes in comments are outermost first.
#pragma once

#include <optional>
#include <vector>

#include "tf/graph.h"

namespace crossload::tf {

/// A size that is known now, or a scalar int32 tensor that is known at run time.
class Dim {
 public:
  Dim(int size) : size_(size) {}
  Dim(std::int64_t size) : size_(size) {}
  Dim(const Tensor& size) : size_(-1), tensor_(size) {}
  bool known() const { return !tensor_.has_value(); }
  std::int64_t size() const { return size_; }
  Tensor as_tensor(Graph& graph) const;

 private:
  std::int64_t size_;
  std::optional<Tensor> tensor_;
};

using Dims = std::vector<Dim>;

/// The sizes of a tensor, known ones as numbers.
Dims dims_of(const Tensor& x);
/// int32 [rank]
Tensor shape(const Tensor& x);
/// An int32 vector of sizes.
Tensor pack_dims(Graph& graph, const Dims& dims);

// Element by element, with broadcasting. Numbers take the type of the tensor.
Tensor operator+(const Tensor& a, const Tensor& b);
Tensor operator-(const Tensor& a, const Tensor& b);
Tensor operator*(const Tensor& a, const Tensor& b);
Tensor operator/(const Tensor& a, const Tensor& b);
Tensor operator+(const Tensor& a, double b);
Tensor operator-(const Tensor& a, double b);
Tensor operator*(const Tensor& a, double b);
Tensor operator/(const Tensor& a, double b);
Tensor operator+(double a, const Tensor& b);
Tensor operator-(double a, const Tensor& b);
Tensor operator*(double a, const Tensor& b);
Tensor operator/(double a, const Tensor& b);
Tensor operator-(const Tensor& a);
Tensor maximum(const Tensor& a, const Tensor& b);
Tensor minimum(const Tensor& a, const Tensor& b);
Tensor clip(const Tensor& x, double low, double high);
Tensor pow(const Tensor& x, double exponent);
Tensor squared_difference(const Tensor& a, const Tensor& b);
/// The quotient rounded down, also of integers.
Tensor floor_div(const Tensor& x, double divisor);

Tensor abs(const Tensor& x);
Tensor ceil(const Tensor& x);
Tensor elu(const Tensor& x);
Tensor erf(const Tensor& x);
Tensor exp(const Tensor& x);
Tensor leaky_relu(const Tensor& x, double alpha);
Tensor log(const Tensor& x);
Tensor relu(const Tensor& x);
Tensor relu6(const Tensor& x);
Tensor rsqrt(const Tensor& x);
Tensor selu(const Tensor& x);
Tensor sigmoid(const Tensor& x);
Tensor softplus(const Tensor& x);
Tensor sqrt(const Tensor& x);
Tensor square(const Tensor& x);
Tensor tanh(const Tensor& x);
Tensor cast(const Tensor& x, DataType dtype);
Tensor ones_like(const Tensor& x);
Tensor zeros_like(const Tensor& x);
Tensor identity(const Tensor& x);
Tensor stop_gradient(const Tensor& x);

// Comparisons give bool.
Tensor equal(const Tensor& a, const Tensor& b);
Tensor less(const Tensor& a, const Tensor& b);
Tensor less_equal(const Tensor& a, const Tensor& b);
Tensor greater_equal(const Tensor& a, const Tensor& b);
Tensor logical_and(const Tensor& a, const Tensor& b);
/// `a` where the condition holds, else `b`.
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);

/// [..., n, k] x [..., k, m] -> [..., n, m]; the flags transpose the last two dimensions first.
Tensor matmul(const Tensor& a, const Tensor& b, bool transpose_a = false, bool transpose_b = false);
/// Einstein summation, "bhld,lrd->bhlr".
Tensor einsum(const std::string& equation, const Tensor& a, const Tensor& b);
/// Adds [channels] to the last dimension.
Tensor bias_add(const Tensor& x, const Tensor& bias);
/// Over the last dimension.
Tensor softmax(const Tensor& x);
Tensor reduce_mean(const Tensor& x, const std::vector<int>& axes, bool keep_dims);
Tensor reduce_sum(const Tensor& x, const std::vector<int>& axes, bool keep_dims);
/// int32: the first position of the largest element along one axis, which is dropped.
Tensor argmax(const Tensor& x, int axis);
/// The sum of each element and those before it along one axis.
Tensor cumsum(const Tensor& x, int axis);

/// At most one dimension may be -1.
Tensor reshape(const Tensor& x, const Dims& dims);
Tensor transpose(const Tensor& x, const std::vector<int>& permutation);
Tensor expand_dims(const Tensor& x, int axis);
Tensor squeeze(const Tensor& x, int axis);
Tensor broadcast_to(const Tensor& x, const Dims& dims);
Tensor concat(const std::vector<Tensor>& tensors, int axis);
/// Equal parts.
std::vector<Tensor> split(const Tensor& x, int parts, int axis);
/// A new first dimension.
Tensor stack(const std::vector<Tensor>& tensors);
/// The parts of `params` at `indices` along one dimension, the first by default: rows.
Tensor gather(const Tensor& params, const Tensor& indices, int axis = 0);
/// x[..., begin:end, ...] along one axis.
Tensor slice(const Tensor& x, int axis, const Dim& begin, const Dim& end);
/// x[..., index, ...], without that axis.
Tensor select(const Tensor& x, int axis, int index);
/// A tensor of one value.
Tensor fill(Graph& graph, const Dims& dims, const Tensor& value);
/// int32 [limit]: 0, 1, 2, ...
Tensor range(Graph& graph, const Dim& limit);
/// float32 in [0, 1), new at each run.
Tensor random_uniform(Graph& graph, const Tensor& shape);

}  // namespace crossload::tf

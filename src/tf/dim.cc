#include "tf/dim.h"

#include <algorithm>
#include <utility>

#include "tf/operation_error.h"
#include "tf/ops.h"

namespace crossload::tf {
namespace {

[[noreturn]] void fail(const std::string& type, const std::string& node, const std::string& what) {
  throw OperationError("TensorFlow: " + what, type, node, what);
}

std::int32_t as_int32(std::int64_t size) {
  if (!std::in_range<std::int32_t>(size)) fail("Const", "", "a size of " + std::to_string(size) + " is over int32");
  return static_cast<std::int32_t>(size);
}

/// Sizes of 63 bits are not computed with in earnest: they come from a wrong formula or a hostile file.
std::int64_t folded(bool overflow, const std::int64_t& result) {
  if (overflow) fail("", "", "a size does not fit 63 bits");
  return result;
}

std::int64_t quotient_rounded_down(std::int64_t a, std::int64_t b) {
  const std::int64_t quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

}  // namespace

Dim::Dim(const Tensor& size) : size_(-1), tensor_(size) {
  if (!is_integer(size.dtype()) || size.rank() > 0) {
    fail("", size.name(),
         "a size is a scalar integer, and this is a tensor of " + name_of(size.dtype()) +
             (size.rank() < 0 ? "" : " of shape " + to_string(size.shape())));
  }
  tensor_ = cast(size, DataType::kInt32);
}

Tensor Dim::as_tensor(Graph& graph) const { return tensor_.has_value() ? *tensor_ : graph.constant(as_int32(size_)); }

bool Dim::is_same_tensor(const Dim& other) const {
  return tensor_ && other.tensor_ && tensor_->output().oper == other.tensor_->output().oper &&
         tensor_->output().index == other.tensor_->output().index;
}

Dim Dim::at_run_time(const char* type, const Dim& a, const Dim& b) {
  Graph& graph = a.known() ? b.tensor_->graph() : a.tensor_->graph();
  const Tensor left = a.as_tensor(graph);
  return graph.operation(type).input(left).input(b.as_tensor(graph)).output();
}

Dim Dim::sum(const Dim& a, const Dim& b) {
  if (a.is(0)) return b;
  if (b.is(0)) return a;
  if (!a.known() || !b.known()) return at_run_time("AddV2", a, b);
  std::int64_t result = 0;
  return folded(__builtin_add_overflow(a.size_, b.size_, &result), result);
}

Dim Dim::difference(const Dim& a, const Dim& b) {
  if (b.is(0)) return a;
  if (a.is_same_tensor(b)) return 0;
  if (!a.known() || !b.known()) return at_run_time("Sub", a, b);
  std::int64_t result = 0;
  return folded(__builtin_sub_overflow(a.size_, b.size_, &result), result);
}

Dim Dim::product(const Dim& a, const Dim& b) {
  if (a.is(1)) return b;
  if (b.is(1)) return a;
  if (a.is(0) || b.is(0)) return 0;
  if (!a.known() || !b.known()) return at_run_time("Mul", a, b);
  std::int64_t result = 0;
  return folded(__builtin_mul_overflow(a.size_, b.size_, &result), result);
}

std::strong_ordering Dim::compare(const Dim& a, const Dim& b) {
  if (a.is_same_tensor(b)) return std::strong_ordering::equal;
  if (!a.known() || !b.known()) {
    const Tensor& unknown = a.known() ? *b.tensor_ : *a.tensor_;
    fail("", unknown.name(), "sizes are compared of which one is known at run time alone; compare them as tensors");
  }
  return a.size_ <=> b.size_;
}

Dim floor_div(const Dim& a, const Dim& b) {
  if (b.is(0)) fail("FloorDiv", "", "a size is divided by 0");
  if (b.is(1)) return a;
  if (!a.known() || !b.known()) return Dim::at_run_time("FloorDiv", a, b);
  if (b.is(-1)) return -a;  // the one quotient that may not fit
  return quotient_rounded_down(a.size_, b.size_);
}

Dim mod(const Dim& a, const Dim& b) {
  if (b.is(0)) fail("FloorMod", "", "a size is divided by 0");
  if (b.is(1) || b.is(-1)) return 0;
  if (!a.known() || !b.known()) return Dim::at_run_time("FloorMod", a, b);
  return a.size_ - quotient_rounded_down(a.size_, b.size_) * b.size_;
}

Dim minimum(const Dim& a, const Dim& b) {
  if (a.is_same_tensor(b)) return a;
  if (!a.known() || !b.known()) return Dim::at_run_time("Minimum", a, b);
  return std::min(a.size_, b.size_);
}

Dim maximum(const Dim& a, const Dim& b) {
  if (a.is_same_tensor(b)) return a;
  if (!a.known() || !b.known()) return Dim::at_run_time("Maximum", a, b);
  return std::max(a.size_, b.size_);
}

Dims dims_of(const Tensor& x) {
  const Shape sizes = x.shape();
  Dims dims;
  std::optional<Tensor> at_run_time;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] >= 0) {
      dims.emplace_back(sizes[i]);
      continue;
    }
    if (!at_run_time) at_run_time = shape(x);
    dims.emplace_back(select(*at_run_time, /*axis=*/0, static_cast<int>(i)));
  }
  return dims;
}

Tensor pack_dims(Graph& graph, const Dims& dims) {
  if (std::all_of(dims.begin(), dims.end(), [](const Dim& dim) { return dim.known(); })) {
    std::vector<std::int32_t> sizes;
    for (const Dim& dim : dims) sizes.push_back(as_int32(dim.size()));
    return graph.constant(sizes);
  }
  std::vector<Tensor> scalars;
  for (const Dim& dim : dims) scalars.push_back(dim.as_tensor(graph));
  return stack(scalars);
}

}  // namespace crossload::tf

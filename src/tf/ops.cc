#include "tf/ops.h"

#include <algorithm>

namespace crossload::tf {
namespace {

Tensor unary(const char* type, const Tensor& x) { return x.graph().operation(type).input(x).output(); }

Tensor binary(const char* type, const Tensor& a, const Tensor& b) {
  return a.graph().operation(type).input(a).input(b).output();
}

Tensor like(const Tensor& x, double value) { return x.graph().constant(value, x.dtype()); }

std::vector<std::int32_t> to_int32(const std::vector<int>& values) { return {values.begin(), values.end()}; }

int positive_axis(const Tensor& x, int axis) { return axis < 0 ? axis + x.rank() : axis; }

Tensor reduce(const char* type, const Tensor& x, const std::vector<int>& axes, bool keep_dims) {
  return x.graph()
      .operation(type)
      .input(x)
      .input(x.graph().constant(to_int32(axes)))
      .flag("keep_dims", keep_dims)
      .output();
}

}  // namespace

Tensor Dim::as_tensor(Graph& graph) const {
  return tensor_.has_value() ? *tensor_ : graph.constant(static_cast<std::int32_t>(size_));
}

Tensor shape(const Tensor& x) {
  return x.graph().operation("Shape").input(x).type("out_type", DataType::kInt32).output();
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
    for (const Dim& dim : dims) sizes.push_back(static_cast<std::int32_t>(dim.size()));
    return graph.constant(sizes);
  }
  std::vector<Tensor> scalars;
  for (const Dim& dim : dims) scalars.push_back(dim.as_tensor(graph));
  return stack(scalars);
}

Tensor operator+(const Tensor& a, const Tensor& b) { return binary("AddV2", a, b); }
Tensor operator-(const Tensor& a, const Tensor& b) { return binary("Sub", a, b); }
Tensor operator*(const Tensor& a, const Tensor& b) { return binary("Mul", a, b); }
Tensor operator/(const Tensor& a, const Tensor& b) { return binary("RealDiv", a, b); }
Tensor operator+(const Tensor& a, double b) { return a + like(a, b); }
Tensor operator-(const Tensor& a, double b) { return a - like(a, b); }
Tensor operator*(const Tensor& a, double b) { return a * like(a, b); }
Tensor operator/(const Tensor& a, double b) { return a / like(a, b); }
Tensor operator+(double a, const Tensor& b) { return like(b, a) + b; }
Tensor operator-(double a, const Tensor& b) { return like(b, a) - b; }
Tensor operator*(double a, const Tensor& b) { return like(b, a) * b; }
Tensor operator/(double a, const Tensor& b) { return like(b, a) / b; }
Tensor operator-(const Tensor& a) { return unary("Neg", a); }
Tensor maximum(const Tensor& a, const Tensor& b) { return binary("Maximum", a, b); }
Tensor minimum(const Tensor& a, const Tensor& b) { return binary("Minimum", a, b); }
Tensor clip(const Tensor& x, double low, double high) { return minimum(maximum(x, like(x, low)), like(x, high)); }
Tensor pow(const Tensor& x, double exponent) { return binary("Pow", x, like(x, exponent)); }
Tensor squared_difference(const Tensor& a, const Tensor& b) { return binary("SquaredDifference", a, b); }
Tensor floor_div(const Tensor& x, double divisor) { return binary("FloorDiv", x, like(x, divisor)); }

Tensor abs(const Tensor& x) { return unary("Abs", x); }
Tensor ceil(const Tensor& x) { return unary("Ceil", x); }
Tensor elu(const Tensor& x) { return unary("Elu", x); }
Tensor erf(const Tensor& x) { return unary("Erf", x); }
Tensor exp(const Tensor& x) { return unary("Exp", x); }
Tensor leaky_relu(const Tensor& x, double alpha) {
  return x.graph().operation("LeakyRelu").input(x).number("alpha", static_cast<float>(alpha)).output();
}
Tensor log(const Tensor& x) { return unary("Log", x); }
Tensor relu(const Tensor& x) { return unary("Relu", x); }
Tensor relu6(const Tensor& x) { return unary("Relu6", x); }
Tensor rsqrt(const Tensor& x) { return unary("Rsqrt", x); }
Tensor selu(const Tensor& x) { return unary("Selu", x); }
Tensor sigmoid(const Tensor& x) { return unary("Sigmoid", x); }
Tensor softplus(const Tensor& x) { return unary("Softplus", x); }
Tensor sqrt(const Tensor& x) { return unary("Sqrt", x); }
Tensor square(const Tensor& x) { return unary("Square", x); }
Tensor tanh(const Tensor& x) { return unary("Tanh", x); }
Tensor cast(const Tensor& x, DataType dtype) {
  return x.dtype() == dtype ? x : x.graph().operation("Cast").input(x).type("DstT", dtype).output();
}
Tensor ones_like(const Tensor& x) { return unary("OnesLike", x); }
Tensor zeros_like(const Tensor& x) { return unary("ZerosLike", x); }
Tensor identity(const Tensor& x) { return unary("Identity", x); }
Tensor stop_gradient(const Tensor& x) { return unary("StopGradient", x); }

Tensor equal(const Tensor& a, const Tensor& b) { return binary("Equal", a, b); }
Tensor less(const Tensor& a, const Tensor& b) { return binary("Less", a, b); }
Tensor less_equal(const Tensor& a, const Tensor& b) { return binary("LessEqual", a, b); }
Tensor greater_equal(const Tensor& a, const Tensor& b) { return binary("GreaterEqual", a, b); }
Tensor logical_and(const Tensor& a, const Tensor& b) { return binary("LogicalAnd", a, b); }
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  return a.graph().operation("SelectV2").input(condition).input(a).input(b).output();
}

Tensor matmul(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b) {
  if (a.rank() == 2 && b.rank() == 2) {
    return a.graph()
        .operation("MatMul")
        .input(a)
        .input(b)
        .flag("transpose_a", transpose_a)
        .flag("transpose_b", transpose_b)
        .output();
  }
  return a.graph()
      .operation("BatchMatMulV2")
      .input(a)
      .input(b)
      .flag("adj_x", transpose_a)
      .flag("adj_y", transpose_b)
      .output();
}

Tensor einsum(const std::string& equation, const Tensor& a, const Tensor& b) {
  return a.graph().operation("Einsum").inputs({a, b}).text("equation", equation).output();
}

Tensor bias_add(const Tensor& x, const Tensor& bias) { return binary("BiasAdd", x, bias); }
Tensor softmax(const Tensor& x) { return unary("Softmax", x); }
Tensor reduce_mean(const Tensor& x, const std::vector<int>& axes, bool keep_dims) {
  return reduce("Mean", x, axes, keep_dims);
}
Tensor reduce_sum(const Tensor& x, const std::vector<int>& axes, bool keep_dims) {
  return reduce("Sum", x, axes, keep_dims);
}
Tensor argmax(const Tensor& x, int axis) {
  return x.graph()
      .operation("ArgMax")
      .input(x)
      .input(x.graph().constant(static_cast<std::int32_t>(axis)))
      .type("output_type", DataType::kInt32)
      .output();
}
Tensor cumsum(const Tensor& x, int axis) {
  return binary("Cumsum", x, x.graph().constant(static_cast<std::int32_t>(axis)));
}

Tensor reshape(const Tensor& x, const Dims& dims) { return binary("Reshape", x, pack_dims(x.graph(), dims)); }

Tensor transpose(const Tensor& x, const std::vector<int>& permutation) {
  return binary("Transpose", x, x.graph().constant(to_int32(permutation)));
}

Tensor expand_dims(const Tensor& x, int axis) {
  return binary("ExpandDims", x, x.graph().constant(static_cast<std::int32_t>(axis)));
}

Tensor squeeze(const Tensor& x, int axis) {
  return x.graph().operation("Squeeze").input(x).integers("squeeze_dims", {axis}).output();
}

Tensor broadcast_to(const Tensor& x, const Dims& dims) { return binary("BroadcastTo", x, pack_dims(x.graph(), dims)); }

Tensor concat(const std::vector<Tensor>& tensors, int axis) {
  Graph& graph = tensors.front().graph();
  return graph.operation("ConcatV2").inputs(tensors).input(graph.constant(static_cast<std::int32_t>(axis))).output();
}

std::vector<Tensor> split(const Tensor& x, int parts, int axis) {
  return x.graph()
      .operation("Split")
      .input(x.graph().constant(static_cast<std::int32_t>(axis)))
      .input(x)
      .integer("num_split", parts)
      .outputs();
}

Tensor stack(const std::vector<Tensor>& tensors) {
  return tensors.front().graph().operation("Pack").inputs(tensors).integer("axis", 0).output();
}

Tensor gather(const Tensor& params, const Tensor& indices, int axis) {
  Graph& graph = params.graph();
  return graph.operation("GatherV2").input(params).input(indices).input(graph.constant(std::int32_t{axis})).output();
}

Tensor slice(const Tensor& x, int axis, const Dim& begin, const Dim& end) {
  // One StridedSlice whose other dimensions are masked: everything of them.
  Graph& graph = x.graph();
  const int rank = x.rank();
  const int at = positive_axis(x, axis);
  Dims begins(static_cast<std::size_t>(rank), Dim(0));
  Dims ends(static_cast<std::size_t>(rank), Dim(0));
  begins[static_cast<std::size_t>(at)] = begin;
  ends[static_cast<std::size_t>(at)] = end;
  const std::int64_t others = ((std::int64_t{1} << rank) - 1) & ~(std::int64_t{1} << at);
  return graph.operation("StridedSlice")
      .input(x)
      .input(pack_dims(graph, begins))
      .input(pack_dims(graph, ends))
      .input(graph.constant(std::vector<std::int32_t>(static_cast<std::size_t>(rank), 1)))
      .integer("begin_mask", others)
      .integer("end_mask", others)
      .output();
}

Tensor select(const Tensor& x, int axis, int index) {
  Graph& graph = x.graph();
  const int rank = x.rank();
  const int at = positive_axis(x, axis);
  std::vector<std::int32_t> begins(static_cast<std::size_t>(rank), 0);
  std::vector<std::int32_t> ends(static_cast<std::size_t>(rank), 0);
  begins[static_cast<std::size_t>(at)] = index;
  ends[static_cast<std::size_t>(at)] = index + 1;
  const std::int64_t others = ((std::int64_t{1} << rank) - 1) & ~(std::int64_t{1} << at);
  return graph.operation("StridedSlice")
      .input(x)
      .input(graph.constant(begins))
      .input(graph.constant(ends))
      .input(graph.constant(std::vector<std::int32_t>(static_cast<std::size_t>(rank), 1)))
      .integer("begin_mask", others)
      .integer("end_mask", others)
      .integer("shrink_axis_mask", std::int64_t{1} << at)
      .output();
}

Tensor fill(Graph& graph, const Dims& dims, const Tensor& value) {
  return graph.operation("Fill").input(pack_dims(graph, dims)).input(value).output();
}

Tensor range(Graph& graph, const Dim& limit) {
  return graph.operation("Range")
      .input(graph.constant(std::int32_t{0}))
      .input(limit.as_tensor(graph))
      .input(graph.constant(std::int32_t{1}))
      .output();
}

Tensor random_uniform(Graph& graph, const Tensor& shape) {
  return graph.operation("RandomUniform").input(shape).type("dtype", DataType::kFloat).output();
}

}  // namespace crossload::tf

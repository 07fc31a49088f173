#include "tf/ops_array.h"

#include <algorithm>

#include "tf/operation_error.h"
#include "tf/ops_math.h"
#include "tf/simple_ops.h"

namespace crossload::tf {
namespace {

/// int32 [rank, 2]
Tensor pack_paddings(Graph& graph, const Paddings& paddings) {
  Dims flat;
  for (const auto& [before, after] : paddings) {
    flat.push_back(before);
    flat.push_back(after);
  }
  const Tensor packed = pack_dims(graph, flat);
  return reshape(packed, {paddings.size(), 2});
}

/// One StridedSlice whose other dimensions are masked: everything of them.
struct Piece {
  std::optional<Dim> begin;
  std::optional<Dim> end;
  std::int64_t step = 1;
  bool drop_axis = false;
};

Tensor strided_slice(const Tensor& x, int axis, const Piece& piece) {
  Graph& graph = x.graph();
  const auto rank = static_cast<std::size_t>(x.rank());
  const auto at = static_cast<std::size_t>(positive_axis(x, axis));
  Dims begins(rank, Dim(0));
  Dims ends(rank, Dim(0));
  Dims steps(rank, Dim(1));
  if (piece.begin) begins[at] = *piece.begin;
  if (piece.end) ends[at] = *piece.end;
  steps[at] = piece.step;
  const std::int64_t this_one = std::int64_t{1} << at;
  const std::int64_t others = ((std::int64_t{1} << rank) - 1) & ~this_one;
  OperationBuilder builder = graph.operation("StridedSlice");
  builder.input(x);
  builder.input(pack_dims(graph, begins));
  builder.input(pack_dims(graph, ends));
  builder.input(pack_dims(graph, steps));
  builder.integer("begin_mask", piece.begin ? others : others | this_one);
  builder.integer("end_mask", piece.end ? others : others | this_one);
  if (piece.drop_axis) builder.integer("shrink_axis_mask", this_one);
  return builder.output();
}

}  // namespace

Tensor shape(const Tensor& x) {
  return x.graph().operation("Shape").input(x).type("out_type", DataType::kInt32).output();
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

Tensor tile(const Tensor& x, const Dims& copies) { return binary("Tile", x, pack_dims(x.graph(), copies)); }

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

std::vector<Tensor> split(const Tensor& x, const Dims& sizes, int axis) {
  return x.graph()
      .operation("SplitV")
      .input(x)
      .input(pack_dims(x.graph(), sizes))
      .input(x.graph().constant(static_cast<std::int32_t>(axis)))
      .integer("num_split", static_cast<std::int64_t>(sizes.size()))
      .outputs();
}

Tensor stack(const std::vector<Tensor>& tensors, int axis) {
  return tensors.front().graph().operation("Pack").inputs(tensors).integer("axis", axis).output();
}

std::vector<Tensor> unstack(const Tensor& x, int axis) {
  const std::int64_t parts = x.dim(axis);
  if (parts < 0) {
    const std::string what = "the size along axis " + std::to_string(axis) + " of a tensor of shape " +
                             to_string(x.shape()) + " must be known to take it apart";
    throw OperationError("TensorFlow: " + what, "Unpack", x.graph().scope() + "Unpack", what);
  }
  return x.graph().operation("Unpack").input(x).integer("num", parts).integer("axis", axis).outputs();
}

Tensor reverse(const Tensor& x, const std::vector<int>& axes) {
  return binary("ReverseV2", x, x.graph().constant(to_int32(axes)));
}

Tensor roll(const Tensor& x, const Dim& shift, int axis) {
  // No op of its own, which LiteRT lacks. A size of 0 has nothing to roll.
  const Dim size = dims_of(x)[static_cast<std::size_t>(positive_axis(x, axis))];
  const Dim front = mod(-shift, maximum(size, 1));
  if (front.known() && front.size() == 0) return x;
  return concat({slice(x, axis, front, std::nullopt), slice(x, axis, std::nullopt, front)}, axis);
}

Tensor pad(const Tensor& x, const Paddings& paddings, const Number& value) {
  return x.graph().operation("PadV2").input(x).input(pack_paddings(x.graph(), paddings)).input(like(x, value)).output();
}

Tensor mirror_pad(const Tensor& x, const Paddings& paddings, Mirror mirror) {
  return x.graph()
      .operation("MirrorPad")
      .input(x)
      .input(pack_paddings(x.graph(), paddings))
      .text("mode", mirror == Mirror::kReflect ? "REFLECT" : "SYMMETRIC")
      .output();
}

Tensor slice(const Tensor& x, int axis, const std::optional<Dim>& begin, const std::optional<Dim>& end,
             std::int64_t step) {
  return strided_slice(x, axis, {begin, end, step});
}

Tensor select(const Tensor& x, int axis, const Dim& index) {
  return strided_slice(x, axis, {index, index + 1, 1, /*drop_axis=*/true});
}

Tensor gather(const Tensor& params, const Tensor& indices, int axis, int batch_dims) {
  Graph& graph = params.graph();
  return graph.operation("GatherV2")
      .input(params)
      .input(indices)
      .input(graph.constant(std::int32_t{axis}))
      .integer("batch_dims", batch_dims)
      .output();
}

Tensor gather_nd(const Tensor& params, const Tensor& indices) { return binary("GatherNd", params, indices); }

Tensor tensor_scatter_update(const Tensor& x, const Tensor& indices, const Tensor& updates) {
  return x.graph().operation("TensorScatterUpdate").input(x).input(indices).input(updates).output();
}

Tensor tensor_scatter_add(const Tensor& x, const Tensor& indices, const Tensor& updates) {
  return x + scatter_nd(indices, updates, dims_of(x));
}

Tensor scatter_nd(const Tensor& indices, const Tensor& updates, const Dims& dims) {
  Graph& graph = updates.graph();
  return graph.operation("ScatterNd")
      .input(cast(indices, DataType::kInt32))
      .input(updates)
      .input(pack_dims(graph, dims))
      .output();
}

Tensor fill(Graph& graph, const Dims& dims, const Tensor& value) {
  return graph.operation("Fill").input(pack_dims(graph, dims)).input(value).output();
}

Tensor ones_like(const Tensor& x) { return unary("OnesLike", x); }
Tensor zeros_like(const Tensor& x) { return unary("ZerosLike", x); }

Tensor range(Graph& graph, const Dim& limit) { return range(graph, 0, limit); }

Tensor range(Graph& graph, const Dim& start, const Dim& limit, const Dim& step) {
  OperationBuilder builder = graph.operation("Range");
  builder.input(start.as_tensor(graph));
  builder.input(limit.as_tensor(graph));
  builder.input(step.as_tensor(graph));
  return builder.output();
}

Tensor one_hot(const Tensor& indices, const Dim& depth, DataType dtype) {
  Graph& graph = indices.graph();
  return graph.operation("OneHot")
      .input(indices)
      .input(depth.as_tensor(graph))
      .input(graph.constant(1, dtype))
      .input(graph.constant(0, dtype))
      .output();
}

Tensor lower_triangle(Graph& graph, const Dim& rows, const Dim& columns, const Dim& diagonal) {
  const Tensor row = expand_dims(range(graph, diagonal, rows + diagonal), 1);
  return less_equal(expand_dims(range(graph, columns), 0), row);
}

Tensor random_uniform(Graph& graph, const Tensor& shape) {
  return graph.operation("RandomUniform").input(shape).type("dtype", DataType::kFloat).output();
}

}  // namespace crossload::tf

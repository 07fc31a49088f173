// Shapes, pieces and places: nothing here computes with elements.
#pragma once

#include <optional>
#include <utility>

#include "tf/dim.h"

namespace crossload::tf {

/// int32 [rank]
Tensor shape(const Tensor& x);
/// At most one dimension may be -1.
Tensor reshape(const Tensor& x, const Dims& dims);
Tensor transpose(const Tensor& x, const std::vector<int>& permutation);
Tensor expand_dims(const Tensor& x, int axis);
Tensor squeeze(const Tensor& x, int axis);
Tensor broadcast_to(const Tensor& x, const Dims& dims);
/// So many copies side by side along each dimension.
Tensor tile(const Tensor& x, const Dims& copies);
Tensor concat(const std::vector<Tensor>& tensors, int axis);
/// Equal parts.
std::vector<Tensor> split(const Tensor& x, int parts, int axis);
/// Parts of these sizes, of which one may be -1: the rest.
std::vector<Tensor> split(const Tensor& x, const Dims& sizes, int axis);
/// A new dimension, the first by default.
Tensor stack(const std::vector<Tensor>& tensors, int axis = 0);
/// The parts along an axis whose size is known, without that axis.
std::vector<Tensor> unstack(const Tensor& x, int axis);
/// x[::-1] along the axes.
Tensor reverse(const Tensor& x, const std::vector<int>& axes);
/// What falls out at the end comes in at the front; a negative shift the other way.
Tensor roll(const Tensor& x, const Dim& shift, int axis);
/// For each dimension, what comes before and after it.
using Paddings = std::vector<std::pair<Dim, Dim>>;
Tensor pad(const Tensor& x, const Paddings& paddings, const Number& value = 0);
/// With the elements at the edge, seen in a mirror: the outermost is not repeated with kReflect, and is with
/// kSymmetric.
enum class Mirror { kReflect, kSymmetric };
Tensor mirror_pad(const Tensor& x, const Paddings& paddings, Mirror mirror);

/// x[..., begin:end:step, ...] along one axis, as in Python: negative places count from the end, those outside are cut,
/// and std::nullopt leaves a side open. A step must be known, and not 0.
Tensor slice(const Tensor& x, int axis, const std::optional<Dim>& begin, const std::optional<Dim>& end,
             std::int64_t step = 1);
/// x[..., index, ...], without that axis. An index that is not there is an error, when the graph is made or run.
Tensor select(const Tensor& x, int axis, const Dim& index);
/// The parts of `params` at `indices` along one dimension, the first by default: rows. With batch_dims, the first
/// dimensions of both are the same, and each of params' has indices of its own.
Tensor gather(const Tensor& params, const Tensor& indices, int axis = 0, int batch_dims = 0);
/// indices [..., n] are places in the first n dimensions of params.
Tensor gather_nd(const Tensor& params, const Tensor& indices);
/// x with the updates at their places; indices as of gather_nd, no place twice.
Tensor tensor_scatter_update(const Tensor& x, const Tensor& indices, const Tensor& updates);
/// The same, added to what is there; a place may come twice.
Tensor tensor_scatter_add(const Tensor& x, const Tensor& indices, const Tensor& updates);
/// Zeros of these sizes, and the updates added at their places.
Tensor scatter_nd(const Tensor& indices, const Tensor& updates, const Dims& dims);

/// A tensor of one value.
Tensor fill(Graph& graph, const Dims& dims, const Tensor& value);
Tensor ones_like(const Tensor& x);
Tensor zeros_like(const Tensor& x);
/// int32 [limit]: 0, 1, 2, ...
Tensor range(Graph& graph, const Dim& limit);
/// int32: start, start + step, ..., before limit, which must not lie behind start.
Tensor range(Graph& graph, const Dim& start, const Dim& limit, const Dim& step = 1);
/// indices [...] -> [..., depth]: one where it is the index, else zero. An index outside of the depth gives zeros.
Tensor one_hot(const Tensor& indices, const Dim& depth, DataType dtype = DataType::kFloat);
/// bool [rows, columns]: true at and below a diagonal, the main one by default; 1 is that above it. The mask of a
/// decoder: queries see the keys that are not later.
Tensor lower_triangle(Graph& graph, const Dim& rows, const Dim& columns, const Dim& diagonal = 0);
/// float32 in [0, 1), new at each run.
Tensor random_uniform(Graph& graph, const Tensor& shape);

}  // namespace crossload::tf

// Elements in other places, or several times.
#include <algorithm>

#include "lowering/table.h"
#include "tf/ops.h"

namespace crossload::lowering {
namespace {

using tf::Dim;
using tf::Dims;
using tf::Tensor;

Tensor with_rank(const Operation& op, const Tensor& x, std::size_t rank) {
  Dims dims(rank - static_cast<std::size_t>(op.rank_of("self")), 1);
  if (dims.empty()) return x;
  for (const Dim& dim : op.dims_of("self")) dims.push_back(dim);
  return reshaped(x, dims);
}

Value repeat(const Operation& op) {
  Dims copies = op.dims(op.node().args.contains("repeats") ? "repeats" : "dims");
  while (copies.size() < static_cast<std::size_t>(op.rank_of("self"))) copies.insert(copies.begin(), 1);
  return tf::tile(with_rank(op, op.tensor("self"), copies.size()), copies);
}

Value repeat_interleave(const Operation& op) {
  Tensor x = op.tensor("self");
  Dims dims = op.dims_of("self");
  std::size_t axis = 0;
  if (op.has("dim")) {
    axis = static_cast<std::size_t>(op.axis("dim"));
  } else {
    Dim count = 1;
    for (const Dim& dim : dims) count = count * dim;
    x = reshaped(x, {-1});
    dims = {count};
  }
  Dims copies(dims.size() + 1, 1);
  copies[axis + 1] = op.dim("repeats");
  dims[axis] = dims[axis] * op.dim("repeats");
  return reshaped(tf::tile(tf::expand_dims(x, static_cast<int>(axis) + 1), copies), dims);
}

/// int32 [sum of repeats]: 0 as often as the first number says, then 1, ...
Tensor repeated_places(const Operation& op, const Tensor& repeats) {
  const Tensor ends = tf::cast(tf::cumsum(repeats, 0), tf::DataType::kInt32);
  const Tensor places = tf::range(op.graph(), Dim(tf::select(ends, 0, tf::dims_of(ends)[0] - 1)));
  const Tensor found =
      op.graph().operation("UpperBound").input(tf::expand_dims(ends, 0)).input(tf::expand_dims(places, 0)).output();
  return tf::squeeze(found, 0);
}

/// Each element, or each part along an axis, as often as a tensor says.
Value repeat_interleave_each(const Operation& op) {
  const Tensor self = op.has("dim") ? op.tensor("self") : reshaped(op.tensor("self"), {-1});
  const int axis = op.has("dim") ? op.axis("dim") : 0;
  const Dim count = tf::dims_of(self)[static_cast<std::size_t>(axis)];
  const Tensor repeats = tf::broadcast_to(reshaped(op.tensor("repeats"), {-1}), {count});  // one number is for all
  return tf::gather(self, repeated_places(op, repeats), axis);
}

Value roll(const Operation& op) {
  Tensor x = op.tensor("self");
  const Dims shifts = op.dims("shifts");
  if (op.integers("dims").empty()) {
    return reshaped(tf::roll(reshaped(x, {-1}), shifts.at(0), 0), op.dims_of("self"));
  }
  const std::vector<int> axes = op.axes("dims");
  for (std::size_t i = 0; i < axes.size(); ++i) x = tf::roll(x, shifts.at(i), axes[i]);
  return x;
}

/// With its own elements: those at the edge again ("replicate"), or those at the other edge ("circular").
Tensor padded_with_itself(const Operation& op, Tensor x, const tf::Paddings& paddings, const std::string& mode) {
  if (mode != "replicate" && mode != "circular") op.fail("the mode " + mode + " is not supported");
  for (std::size_t axis = 0; axis < paddings.size(); ++axis) {
    const auto& [before, after] = paddings[axis];
    if (before.known() && after.known() && before.size() == 0 && after.size() == 0) continue;
    const Dim size = tf::dims_of(x)[axis];
    const Tensor places = tf::range(op.graph(), before + size + after) - before;
    const Tensor inside = mode == "circular" ? tf::mod(places, size) : tf::minimum(tf::maximum(places, 0), size - 1);
    x = tf::gather(x, inside, static_cast<int>(axis));
  }
  return x;
}

/// PyTorch says it for the last axis first, and a negative number cuts off.
Value pad(const Operation& op) {
  const std::string mode = op.node().args.contains("mode") ? op.text("mode") : "constant";
  const bool takes_places = mode == "replicate";  // where a negative size is one as well
  const Dims sizes = op.dims("pad");
  Tensor x = op.tensor("self");
  const int rank = op.rank();
  tf::Paddings paddings(static_cast<std::size_t>(rank), {0, 0});
  for (std::size_t i = 0; i + 1 < sizes.size(); i += 2) {
    const int axis = rank - 1 - static_cast<int>(i / 2);
    const auto cut = [&](const Dim& size) { return size.known() && size.size() < 0 && !takes_places; };
    const auto begin = cut(sizes[i]) ? std::optional<Dim>(-sizes[i]) : std::nullopt;
    const auto end = cut(sizes[i + 1]) ? std::optional<Dim>(sizes[i + 1]) : std::nullopt;
    if (begin || end) x = tf::slice(x, axis, begin, end);
    paddings[static_cast<std::size_t>(axis)] = {begin ? Dim(0) : sizes[i], end ? Dim(0) : sizes[i + 1]};
  }
  const auto is_zero = [](const Dim& size) { return size.known() && size.size() == 0; };
  if (std::ranges::all_of(paddings, [&](const auto& pair) { return is_zero(pair.first) && is_zero(pair.second); })) {
    return x;
  }
  if (mode == "reflect") return tf::mirror_pad(x, paddings, tf::Mirror::kReflect);
  if (mode != "constant") return padded_with_itself(op, x, paddings, mode);
  const bool is_bool = x.dtype() == tf::DataType::kBool;
  if (is_bool) x = tf::cast(x, tf::DataType::kInt8);
  const tf::Number value = op.has("value") ? tf::Number(op.number("value")) : tf::Number(0);
  x = tf::pad(x, paddings, value);
  return is_bool ? tf::cast(x, tf::DataType::kBool) : x;
}

/// Windows of one axis, which become the last.
Value unfold(const Operation& op) {
  if (op.rank_of("self") == 0) op.fail("of a scalar is not supported");
  const int axis = op.axis("dimension");
  const std::int64_t size = op.integer("size");
  const std::int64_t step = op.integer("step");
  const Dim windows = tf::floor_div(op.dim_of("self", axis) - size, step) + 1;
  const Tensor starts = tf::reshape(tf::range(op.graph(), windows) * step, {-1, 1});
  const Tensor places = starts + tf::reshape(tf::range(op.graph(), size), {1, -1});
  const Tensor taken = tf::gather(op.tensor("self"), places, axis);  // [..., windows, size, ...]
  std::vector<int> permutation;
  for (int i = 0; i < taken.rank(); ++i) {
    if (i != axis + 1) permutation.push_back(i);
  }
  permutation.push_back(axis + 1);
  return tf::transpose(taken, permutation);
}

Value meshgrid(const Operation& op) {
  const std::vector<std::string> nodes = op.nodes_of("tensors");
  const bool swaps = op.node().args.contains("indexing") && op.text("indexing") == "xy" && nodes.size() > 1;
  const auto place = [&](std::size_t i) { return swaps && i < 2 ? 1 - i : i; };
  Dims dims(nodes.size(), 1);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const Tensor x = op.forms_of_node(nodes[i]).plain();
    dims[place(i)] = x.rank() == 0 ? Dim(1) : tf::dims_of(x).front();
  }
  std::vector<Tensor> grids;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    Dims one(nodes.size(), 1);
    one[place(i)] = -1;
    grids.push_back(tf::broadcast_to(tf::reshape(op.forms_of_node(nodes[i]).plain(), one), dims));
  }
  return grids;
}

}  // namespace

void add_copies(Table* table) {
  table->add_each({"aten.repeat.default", "aten.tile.default"}, repeat);
  table->add("aten.repeat_interleave.self_int", repeat_interleave);
  table->add("aten.repeat_interleave.self_Tensor", repeat_interleave_each);
  table->add("aten.repeat_interleave.Tensor", [](const Operation& op) -> Value {
    return converted(repeated_places(op, op.tensor("repeats")), op.dtype());
  });
  table->add("aten.flip.default", [](const Operation& op) -> Value {
    const std::vector<int> axes = op.axes("dims");
    return op.integers("dims").empty() ? op.tensor("self") : tf::reverse(op.tensor("self"), axes);
  });
  table->add("aten.roll.default", roll);
  table->add_each({"aten.pad.default", "aten.constant_pad_nd.default"}, pad);
  table->add("aten.unfold.default", unfold);
  table->add_each({"aten.meshgrid.indexing", "aten.meshgrid.default"}, meshgrid);
}

}  // namespace crossload::lowering

// Elements put, or added, to places of a tensor.
#include <algorithm>
#include <numeric>

#include "lowering/indices.h"
#include "lowering/table.h"
#include "tf/ops.h"

namespace crossload::lowering {
namespace {

using tf::DataType;
using tf::Dim;
using tf::Dims;
using tf::Tensor;

/// x with `f` of the truths of a bool as numbers: "or" where they are added.
template <class F>
Tensor as_numbers(const Tensor& x, const Tensor& updates, const F& f) {
  if (x.dtype() != DataType::kBool) return f(x, updates);
  return converted(f(tf::cast(x, DataType::kInt32), tf::cast(updates, DataType::kInt32)), DataType::kBool);
}

Tensor put(const Tensor& x, const Tensor& places, const Tensor& updates, bool adds) {
  if (places.rank() == 1) return put(x, tf::expand_dims(places, 0), tf::expand_dims(updates, 0), adds);  // one place
  if (!adds) return tf::tensor_scatter_update(x, places, updates);
  return as_numbers(x, updates, [&](const Tensor& a, const Tensor& b) { return tf::tensor_scatter_add(a, places, b); });
}

/// A mask that stands for the first axes, as a condition on all elements.
Tensor over_all_axes(Tensor mask, int rank) {
  while (mask.rank() < rank) mask = tf::expand_dims(mask, -1);
  return mask;
}

/// x[indices] = values, or +=.
Value index_put(const Operation& op) {
  const Tensor x = op.tensor("self");
  std::vector<Index> indices = indices_of(op);
  const Tensor values = op.tensor("values", op.dtype());
  const bool accumulates = op.flag("accumulate");
  if (indices.size() == 1 && is_mask(indices.front()) && indices.front().axis == 0 && !accumulates) {
    const auto& shape = op.type_of("values").shape;
    const auto is_one = [](const program::Size& size) { return size == program::Size(std::int64_t(1)); };
    if (std::ranges::all_of(shape, is_one)) {
      return tf::where(over_all_axes(indices.front().places, op.rank()), reshaped(values, {}), x);
    }
  }
  indices = without_masks(indices);
  const std::vector<int> permutation = indexed_first(indices, op.rank());
  const Tensor moved = transposed(x, permutation);
  const Tensor places = joined(op, indices);
  // The sizes of x[indices], the places' first; then in the order in which they stand, for the values to fit.
  Dims sizes = tf::dims_of(places);
  sizes.pop_back();
  const auto of_places = static_cast<std::ptrdiff_t>(sizes.size());
  const Dims all = tf::dims_of(moved);
  sizes.insert(sizes.end(), all.begin() + static_cast<std::ptrdiff_t>(indices.size()), all.end());
  std::vector<int> order(sizes.size());
  std::iota(order.begin(), order.end(), 0);
  std::rotate(order.begin(), order.begin() + of_places, order.begin() + of_places + axes_before(indices));
  Dims standing;
  for (const int axis : order) standing.push_back(sizes[static_cast<std::size_t>(axis)]);
  const Tensor updates = transposed(tf::broadcast_to(values, standing), inverse(order));
  return transposed(put(moved, places, updates, accumulates), inverse(permutation));
}

/// [..., rank]: the place of every element of index, with index itself along one axis.
Tensor places_of_all(const Operation& op, const Tensor& index, const Dims& dims, int axis) {
  std::vector<Tensor> places;
  for (int i = 0; i < static_cast<int>(dims.size()); ++i) {
    if (i == axis) {
      places.push_back(tf::cast(index, DataType::kInt64));
      continue;
    }
    Dims one(dims.size(), 1);
    one[static_cast<std::size_t>(i)] = -1;
    const Tensor along = tf::cast(tf::range(op.graph(), dims[static_cast<std::size_t>(i)]), DataType::kInt64);
    places.push_back(tf::broadcast_to(tf::reshape(along, one), dims));
  }
  return tf::stack(places, -1);
}

/// The elements that get something, reduced by PyTorch's name for it: "sum", "amax", ...
Tensor scattered(const Operation& op, const Tensor& x, const Tensor& places, const Tensor& updates,
                 const std::string& way) {
  const bool restarts = op.has("include_self") && !op.flag("include_self");
  // Zeros for the elements of x that get something and do not count.
  const auto restarted = [&] { return restarts ? put(x, places, tf::zeros_like(updates), false) : x; };
  if (way == "add" || way == "sum") return put(restarted(), places, updates, true);
  if (way == "mean") {
    const Tensor ones = tf::ones_like(updates);
    const Tensor before = restarts ? tf::zeros_like(x) : tf::ones_like(x);
    const Tensor number = tf::maximum(put(before, places, ones, true), 1);
    const Tensor sum = put(restarted(), places, updates, true);
    return tf::is_floating(x.dtype()) ? sum / number : tf::floor_div(sum, number);
  }
  const bool is_max = way == "amax";
  if (!is_max && way != "amin") op.fail("reduce " + way + " is not supported");
  return op.graph()
      .operation(is_max ? "TensorScatterMax" : "TensorScatterMin")
      .input(restarts ? put(x, places, updates, false) : x)  // any one of what an element gets
      .input(places)
      .input(updates)
      .output();
}

/// self[index[i, j]][j] = src[i, j] along one axis: index may be smaller along the others.
Value scatter(const Operation& op) {
  const std::string way = op.node().op.find("scatter_add") != std::string::npos ? "add"
                          : op.has("reduce")                                    ? op.text("reduce")
                                                                                : "";
  const bool has_tensor = op.node().args.contains("src");
  const bool is_scalar = op.rank() == 0;
  const Dims dims = op.rank_of("index") == 0 ? Dims{1} : op.dims_of("index");
  const auto with_axis = [&](const Tensor& x) { return x.rank() == 0 ? tf::reshape(x, {1}) : x; };
  const Tensor x = with_axis(op.tensor("self"));
  Tensor updates = op.tensor(has_tensor ? "src" : "value", op.dtype());
  if (has_tensor) {
    updates = with_axis(updates);
    for (int i = 0; i < op.rank(); ++i) {
      const auto at = static_cast<std::size_t>(i);
      const bool same = op.type_of("src").shape.at(at) == op.type_of("index").shape.at(at);
      if (!same) updates = tf::slice(updates, i, std::nullopt, dims[at]);
    }
  } else {
    updates = tf::fill(op.graph(), dims, updates);
  }
  const Tensor places = places_of_all(op, with_axis(op.tensor("index")), dims, op.axis("dim"));
  const Tensor result = way.empty() ? put(x, places, updates, false) : scattered(op, x, places, updates, way);
  return is_scalar ? tf::reshape(result, {}) : result;
}

/// Rows of the source go, or are added, to the places of an axis.
Value index_into(const Operation& op, bool adds) {
  const bool has_tensor = op.node().args.contains("source");
  if (op.rank() == 0) op.fail("of a scalar is not supported");
  const std::vector<int> axes = swapped_axes(op.rank(), op.axis("dim"), 0);
  const Tensor x = transposed(op.tensor("self"), axes);
  Tensor places = op.tensor("index");
  if (places.rank() == 0) places = tf::reshape(places, {1});
  places = tf::expand_dims(from_front(places, tf::dims_of(x).front()), -1);
  Tensor updates = op.tensor(has_tensor ? "source" : "value", op.dtype());
  if (has_tensor) {
    if (op.has("alpha") && op.number("alpha") != 1) updates = updates * op.number("alpha");
    updates = transposed(updates, axes);
  } else {
    Dims dims = tf::dims_of(x);
    dims.front() = tf::dims_of(places).front();
    updates = tf::fill(op.graph(), dims, updates);
  }
  return transposed(put(x, places, updates, adds), axes);
}

/// The elements of the source one after the other, at the places where the mask is true.
Value masked_scatter(const Operation& op) {
  const Tensor given = op.tensor("self");
  const Tensor condition = op.tensor("mask", DataType::kBool);
  const Tensor x = op.type_of("self").shape == op.type().shape ? given : tf::where(condition, given, given);  // widened
  const Tensor mask = tf::broadcast_to(condition, tf::dims_of(x));
  const Tensor places = op.graph().operation("Where").input(mask).output();  // [n, rank]
  const Dim count = tf::dims_of(places).front();
  const Tensor source = tf::reshape(op.tensor("source", op.dtype()), {-1});
  return tf::tensor_scatter_update(x, places, tf::slice(source, 0, std::nullopt, count));
}

}  // namespace

void add_scatters(Table* table) {
  table->add_each({"aten.index_put.default", "aten.index_put_.default"}, index_put);
  table->add_each({"aten.scatter.src", "aten.scatter.value", "aten.scatter_add.default", "aten.scatter.reduce",
                   "aten.scatter.value_reduce", "aten.scatter_reduce.two"},
                  scatter);
  table->add("aten.index_add.default", [](const Operation& op) { return index_into(op, true); });
  table->add_each({"aten.index_copy.default", "aten.index_fill.int_Scalar", "aten.index_fill.int_Tensor"},
                  [](const Operation& op) { return index_into(op, false); });
  table->add("aten.masked_scatter.default", masked_scatter);
}

}  // namespace crossload::lowering

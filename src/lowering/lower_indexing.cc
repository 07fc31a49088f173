// Elements by their places.
#include <algorithm>
#include <numeric>

#include "lowering/table.h"
#include "tf/ops.h"

namespace crossload::lowering {
namespace {

using tf::DataType;
using tf::Dim;
using tf::Dims;
using tf::Tensor;

/// Negative places count from the end.
Tensor from_front(const Tensor& index, const Dim& size) {
  const Tensor places = tf::is_integer(index.dtype()) ? index : tf::cast(index, DataType::kInt64);
  return tf::where(tf::less(places, 0), places + size, places);
}

struct Index {
  int axis;
  Tensor places;
};

std::vector<Index> indices_of(const Operation& op) {
  const std::vector<std::string> nodes = op.nodes_of("indices");
  std::vector<Index> indices;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (!nodes[i].empty()) indices.push_back({static_cast<int>(i), op.forms_of_node(nodes[i]).plain()});
  }
  return indices;
}

bool is_mask(const Index& index) { return index.places.dtype() == DataType::kBool; }

/// [..., n]: the places of all indices side by side, which broadcast against each other.
Tensor joined(const Operation& op, const std::vector<Index>& indices) {
  std::vector<Tensor> places;
  for (const Index& index : indices) {
    places.push_back(tf::cast(from_front(index.places, op.dim_of("self", index.axis)), DataType::kInt64));
  }
  Tensor all = places.front();
  for (std::size_t i = 1; i < places.size(); ++i) all = all + places[i];
  const Dims dims = tf::dims_of(all);
  for (Tensor& one : places) one = tf::broadcast_to(one, dims);
  return tf::stack(places, -1);
}

/// The indexed axes first, then the others.
std::vector<int> indexed_first(const std::vector<Index>& indices, int rank) {
  std::vector<int> permutation;
  for (const Index& index : indices) permutation.push_back(index.axis);
  for (int i = 0; i < rank; ++i) {
    if (std::ranges::find(permutation, i) == permutation.end()) permutation.push_back(i);
  }
  return permutation;
}

bool are_adjacent(const std::vector<Index>& indices) {
  for (std::size_t i = 1; i < indices.size(); ++i) {
    if (indices[i].axis != indices[i - 1].axis + 1) return false;
  }
  return true;
}

Tensor transposed(const Tensor& x, const std::vector<int>& permutation) {
  return std::ranges::is_sorted(permutation) ? x : tf::transpose(x, permutation);
}

/// x[None, i, None, j]: results stand where the indexed axes stood when these are neighbours, else in front.
Value index(const Operation& op) {
  const Tensor x = op.tensor("self");
  const std::vector<Index> indices = indices_of(op);
  if (indices.size() == 1 && is_mask(indices.front())) {
    if (indices.front().axis != 0) op.fail("a mask of another axis than the first is not supported");
    return tf::gather_nd(x, op.graph().operation("Where").input(indices.front().places).output());
  }
  if (std::ranges::any_of(indices, is_mask)) op.fail("a mask among other indices is not supported");
  if (indices.size() == 1) {
    const Index& one = indices.front();
    return tf::gather(x, from_front(one.places, op.dim_of("self", one.axis)), one.axis);
  }
  const int rank = op.rank_of("self");
  const Tensor taken = tf::gather_nd(transposed(x, indexed_first(indices, rank)), joined(op, indices));
  const int before = indices.front().axis;
  if (before == 0 || !are_adjacent(indices)) return taken;
  const int places = op.rank() - (rank - static_cast<int>(indices.size()));
  std::vector<int> permutation(static_cast<std::size_t>(op.rank()));
  std::iota(permutation.begin(), permutation.end(), 0);
  std::rotate(permutation.begin(), permutation.begin() + places, permutation.begin() + places + before);
  return tf::transpose(taken, permutation);
}

/// A mask that stands for the first axes, as a condition on all elements.
Tensor over_all_axes(Tensor mask, int rank) {
  while (mask.rank() < rank) mask = tf::expand_dims(mask, -1);
  return mask;
}

Value index_put(const Operation& op) {
  const Tensor x = op.tensor("self");
  const std::vector<Index> indices = indices_of(op);
  const Tensor values = op.tensor("values", op.dtype());
  const bool accumulates = op.flag("accumulate");
  if (std::ranges::any_of(indices, is_mask)) {
    const auto& shape = op.type_of("values").shape;
    const bool is_one =
        std::ranges::all_of(shape, [](const auto& size) { return size == program::Size(std::int64_t(1)); });
    if (indices.size() != 1 || !is_one || indices.front().axis != 0 || accumulates) {
      op.fail("a mask is supported alone, with one value for all");
    }
    return tf::where(over_all_axes(indices.front().places, op.rank()), reshaped(values, {}), x);
  }
  const int rank = op.rank();
  const std::vector<int> permutation = indexed_first(indices, rank);
  const Tensor moved = transposed(x, permutation);
  const Tensor places = joined(op, indices);
  Dims wanted = tf::dims_of(places);
  wanted.pop_back();
  const Dims all = tf::dims_of(moved);
  wanted.insert(wanted.end(), all.begin() + static_cast<std::ptrdiff_t>(indices.size()), all.end());
  if (!are_adjacent(indices) || indices.front().axis != 0) {
    if (values.rank() > static_cast<int>(places.rank()) - 1) op.fail("values of these dimensions are not supported");
  }
  const Tensor updates = tf::broadcast_to(values, wanted);
  const Tensor put =
      accumulates ? tf::tensor_scatter_add(moved, places, updates) : tf::tensor_scatter_update(moved, places, updates);
  std::vector<int> back(permutation.size());
  for (std::size_t i = 0; i < permutation.size(); ++i)
    back[static_cast<std::size_t>(permutation[i])] = static_cast<int>(i);
  return transposed(put, back);
}

/// x[i][index[i, j]] along one axis: index may be smaller along the others.
Value gather(const Operation& op) {
  const int rank = op.rank_of("self");
  if (rank == 0) return reshaped(op.tensor("self"), op.dims_of("index"));
  const int axis = op.axis("dim");
  Tensor x = op.tensor("self");
  Tensor places = op.tensor("index");
  for (int i = 0; i < rank; ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (i != axis && op.type_of("self").shape[at] != op.type_of("index").shape[at]) {
      x = tf::slice(x, i, std::nullopt, op.dim_of("index", i));
    }
  }
  std::vector<int> permutation(static_cast<std::size_t>(rank));
  std::iota(permutation.begin(), permutation.end(), 0);
  std::swap(permutation[static_cast<std::size_t>(axis)], permutation.back());
  x = transposed(x, permutation);
  places = transposed(places, permutation);
  return transposed(tf::gather(x, places, rank - 1, rank - 1), permutation);
}

/// [..., rank]: the place of every element of index, with index itself along one axis.
Tensor places_of_all(const Operation& op, const Tensor& index, int axis) {
  const Dims dims = op.dims_of("index");
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

Value scatter(const Operation& op) {
  const bool adds = op.node().op.find("scatter_add") != std::string::npos ||
                    (op.has("reduce") && (op.text("reduce") == "add" || op.text("reduce") == "sum"));
  if (op.has("reduce") && !adds) op.fail("reduce " + op.text("reduce") + " is not supported");
  if (op.has("include_self") && !op.flag("include_self")) op.fail("include_self=False is not supported");
  const Tensor x = op.tensor("self");
  if (op.rank() == 0) op.fail("of a scalar is not supported");
  const Dims dims = op.dims_of("index");
  const bool has_tensor = op.node().args.contains("src");
  Tensor updates = op.tensor(has_tensor ? "src" : "value", op.dtype());
  if (has_tensor) {
    for (int i = 0; i < op.rank(); ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (op.type_of("src").shape[at] != op.type_of("index").shape[at])
        updates = tf::slice(updates, i, std::nullopt, dims[at]);
    }
  } else {
    updates = tf::fill(op.graph(), dims, updates);
  }
  const Tensor places = places_of_all(op, op.tensor("index"), op.axis("dim"));
  return adds ? tf::tensor_scatter_add(x, places, updates) : tf::tensor_scatter_update(x, places, updates);
}

/// Rows of the source go, or are added, to the places of an axis.
Value index_into(const Operation& op, bool adds) {
  const int axis = op.axis("dim");
  Tensor source = op.tensor(op.node().args.contains("source") ? "source" : "value", op.dtype());
  if (op.has("alpha") && op.number("alpha") != 1) source = source * op.number("alpha");
  std::vector<int> permutation(static_cast<std::size_t>(op.rank()));
  std::iota(permutation.begin(), permutation.end(), 0);
  std::swap(permutation[static_cast<std::size_t>(axis)], permutation.front());
  const Tensor x = transposed(op.tensor("self"), permutation);
  const Tensor places = tf::expand_dims(op.tensor("index"), -1);
  const Tensor updates = transposed(source, permutation);
  const Tensor put = adds ? tf::tensor_scatter_add(x, places, updates) : tf::tensor_scatter_update(x, places, updates);
  return transposed(put, permutation);
}

Value one_hot(const Operation& op) {
  return tf::cast(tf::one_hot(op.tensor("self"), op.dim("num_classes")), op.dtype());
}

Value searchsorted(const Operation& op) {
  const bool right = op.flag("right") || (op.has("side") && op.text("side") == "right");
  const bool buckets = op.node().op.find("bucketize") != std::string::npos;
  const std::string of = buckets ? "boundaries" : "sorted_sequence";
  const DataType dtype = op.promoted_type({of, "self"});
  Tensor edges = op.tensor(of, dtype);  // [n], or [..., n] for x [..., m]
  if (op.has("sorter")) edges = tf::gather(edges, op.tensor("sorter"), -1, edges.rank() - 1);
  if (edges.rank() > 1) edges = tf::expand_dims(edges, -2);
  const Tensor column = tf::expand_dims(op.tensor("self", dtype), -1);
  const Tensor before = right ? tf::greater_equal(column, edges) : tf::greater(column, edges);
  return tf::reduce_sum(tf::cast(before, op.dtype()), {-1}, false);
}

}  // namespace

void add_indexing(Table* table) {
  table->add("aten.embedding.default",
             [](const Operation& op) -> Value { return tf::gather(op.tensor("weight"), op.tensor("indices")); });
  table->add("aten.index_select.default", [](const Operation& op) -> Value {
    if (op.rank_of("self") == 0) return op.tensor("self");
    const Tensor index = op.tensor("index");
    return tf::gather(op.tensor("self"), index.rank() == 0 ? tf::reshape(index, {1}) : index, op.axis("dim"));
  });
  table->add("aten.index.Tensor", index);
  table->add_each({"aten.index_put.default", "aten.index_put_.default"}, index_put);
  table->add("aten.gather.default", gather);
  table->add("aten.take_along_dim.default", gather);
  table->add_each({"aten.scatter.src", "aten.scatter.value", "aten.scatter_add.default", "aten.scatter.reduce",
                   "aten.scatter_reduce.two"},
                  scatter);
  table->add("aten.index_add.default", [](const Operation& op) { return index_into(op, true); });
  table->add("aten.index_copy.default", [](const Operation& op) { return index_into(op, false); });
  table->add("aten.one_hot.default", one_hot);
  table->add_each(
      {"aten.bucketize.Tensor", "aten.searchsorted.Tensor", "aten.bucketize.Scalar", "aten.searchsorted.Scalar"},
      searchsorted);
  table->add("aten.nonzero.default", [](const Operation& op) -> Value {
    return op.graph().operation("Where").input(op.tensor("self", DataType::kBool)).output();
  });
}

}  // namespace crossload::lowering

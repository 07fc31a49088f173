// Elements by their places.
#include <algorithm>
#include <numeric>
#include <optional>

#include "lowering/indices.h"
#include "lowering/table.h"
#include "tf/ops.h"

namespace crossload::lowering {
namespace {

using tf::DataType;
using tf::Dim;
using tf::Dims;
using tf::Tensor;

/// x[None, i, None, j]: results stand where the indexed axes stood when these are neighbours, else in front.
Value index(const Operation& op) {
  const Tensor x = op.tensor("self");
  const std::vector<Index> indices = without_masks(indices_of(op));
  if (indices.size() == 1) {
    const Index& one = indices.front();
    return tf::gather(x, from_front(one.places, op.dim_of("self", one.axis)), one.axis);
  }
  const int rank = op.rank_of("self");
  const Tensor taken = tf::gather_nd(transposed(x, indexed_first(indices, rank)), joined(op, indices));
  const int before = axes_before(indices);
  if (before == 0) return taken;
  const int places = op.rank() - (rank - static_cast<int>(indices.size()));
  std::vector<int> permutation(static_cast<std::size_t>(op.rank()));
  std::iota(permutation.begin(), permutation.end(), 0);
  std::rotate(permutation.begin(), permutation.begin() + places, permutation.begin() + places + before);
  return tf::transpose(taken, permutation);
}

/// x[i][index[i, j]] along one axis: index may be smaller along the others.
Value gather(const Operation& op, const char* index) {
  const int rank = op.rank_of("self");
  if (rank == 0) return reshaped(op.tensor("self"), op.dims_of(index));
  const int axis = op.axis("dim");
  Tensor x = op.tensor("self");
  Tensor places = op.tensor(index);
  for (int i = 0; i < rank; ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (i != axis && op.type_of("self").shape[at] != op.type_of(index).shape[at]) {
      x = tf::slice(x, i, std::nullopt, op.dim_of(index, i));
    }
  }
  const std::vector<int> permutation = swapped_axes(rank, axis, rank - 1);
  x = transposed(x, permutation);
  places = transposed(places, permutation);
  return transposed(tf::gather(x, places, rank - 1, rank - 1), permutation);
}

/// A gather whose sides broadcast along the other axes; without an axis of all elements.
Value take_along_dim(const Operation& op) {
  Tensor x = op.tensor("self");
  if (!op.has("dim")) return tf::gather(reshaped(x, {-1}), reshaped(op.tensor("indices"), {-1}));
  const int axis = op.axis("dim");
  const int rank = op.rank();
  Tensor places = op.tensor("indices");
  const auto widened = [&](const Tensor& one, const char* name, const char* other) {
    Dims dims = op.dims_of(name);
    bool changes = false;
    for (int i = 0; i < rank; ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (i == axis || op.type_of(name).shape[at] == op.type_of(other).shape[at]) continue;
      if (op.type_of(name).shape[at] != program::Size(std::int64_t(1))) continue;
      dims[at] = op.dim_of(other, i);
      changes = true;
    }
    return changes ? tf::broadcast_to(one, dims) : one;
  };
  x = widened(x, "self", "indices");
  places = from_front(widened(places, "indices", "self"), op.dim_of("self", axis));
  const std::vector<int> permutation = swapped_axes(rank, axis, rank - 1);
  return transposed(tf::gather(transposed(x, permutation), transposed(places, permutation), rank - 1, rank - 1),
                    permutation);
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

/// How many elements are in each of `bins` equal parts of [min, max]; those outside are in none. Where the two are the same,
/// the least and the largest element stand for them, and where these are, too, one less and one more.
Value histc(const Operation& op) {
  const Tensor x = reshaped(op.tensor("self"), {-1});
  Tensor low = tf::like(x, op.number("min"));
  Tensor high = tf::like(x, op.number("max"));
  if (op.number("min") == op.number("max")) {
    const Tensor least = tf::reduce_min(x, {0}, false);
    const Tensor largest = tf::reduce_max(x, {0}, false);
    const Tensor is_one = tf::equal(least, largest);
    low = tf::where(is_one, least - 1, least);
    high = tf::where(is_one, largest + 1, largest);
  }
  const double bins = op.number("bins");
  const Tensor part = tf::minimum(tf::floor((x - low) * bins / (high - low)), bins - 1);  // the largest is in the last
  const Tensor is_inside = tf::logical_and(tf::greater_equal(x, low), tf::less_equal(x, high));
  const Tensor place = tf::where(is_inside, tf::cast(part, DataType::kInt64), -1);
  return tf::reduce_sum(tf::one_hot(place, op.dim("bins"), op.dtype()), {0}, false);
}

/// int64 [as many as there are, rank]
Tensor places_of_true(const Operation& op, const std::string& name) {
  return op.graph().operation("Where").input(op.tensor(name, DataType::kBool)).output();
}

/// The row that is in no bag, if there is one. A negative number counts from the end; of the inner operation it is none.
std::optional<Dim> padding_row(const Operation& op) {
  if (!op.has("padding_idx")) return std::nullopt;
  const std::int64_t row = op.integer("padding_idx");
  if (row >= 0) return Dim(row);
  if (op.node().op == "aten._embedding_bag.default") return std::nullopt;
  return op.dim_of("weight", 0) + row;
}

/// The sums, or the means, of the rows of each bag. A bag begins in `indices` where `offsets` says, and ends where the next
/// one does; rows at padding_idx are none of it.
Value embedding_bag(const Operation& op) {
  enum : std::int64_t { kSum, kMean };
  const std::int64_t mode = op.integer("mode");
  if (mode != kSum && mode != kMean) op.fail("of maxima is not supported");
  const Tensor indices = op.tensor("indices");
  const Tensor weight = op.tensor("weight");
  Tensor counted = tf::ones_like(tf::cast(indices, weight.dtype()));
  if (const auto padding = padding_row(op)) counted = tf::cast(tf::not_equal(indices, *padding), weight.dtype());
  const Tensor scale = op.has("per_sample_weights") ? counted * op.tensor("per_sample_weights") : counted;
  const Tensor rows = tf::gather(weight, indices) * tf::expand_dims(scale, 1);

  Tensor offsets = tf::cast(op.tensor("offsets"), DataType::kInt32);
  const Dim bags = op.dim_of("offsets", 0) - (op.flag("include_last_offset") ? 1 : 0);
  offsets = tf::slice(offsets, 0, 0, bags);
  const Tensor place = tf::expand_dims(tf::range(op.graph(), op.dim_of("indices", 0)), 1);
  const Tensor begun = tf::cast(tf::less_equal(offsets, place), DataType::kInt32);  // [indices, bags]
  const Tensor bag = tf::expand_dims(tf::reduce_sum(begun, {1}, false) - 1, 1);
  Tensor y = tf::scatter_nd(bag, rows, {bags, op.dim_of("weight", 1)});
  if (mode == kMean) y = y / tf::maximum(tf::scatter_nd(bag, tf::expand_dims(counted, 1), {bags, 1}), 1);
  return Value::List{y, {}, {}, {}};
}

/// dim1 and dim2 after all others.
std::vector<int> with_diagonal_last(const Operation& op) {
  const int first = op.axis("dim1");
  const int second = op.axis("dim2");
  std::vector<int> order;
  for (int axis = 0; axis < op.rank_of("self"); ++axis) {
    if (axis != first && axis != second) order.push_back(axis);
  }
  order.insert(order.end(), {first, second});
  return order;
}

/// The diagonal `offset` above the main one, as the last axis.
Value diagonal(const Operation& op) {
  const Tensor x = tf::transpose(op.tensor("self"), with_diagonal_last(op));
  const Tensor zero = tf::cast(op.graph().constant(0), x.dtype());
  const Tensor offset = op.dim("offset").as_tensor(op.graph());
  return op.graph().operation("MatrixDiagPartV3").input(x).input(offset).input(zero).output();
}

Value diagonal_scatter(const Operation& op) {
  const std::vector<int> order = with_diagonal_last(op);
  const Tensor x = tf::transpose(op.tensor("self"), order);
  const Tensor offset = op.dim("offset").as_tensor(op.graph());
  const Tensor set = op.graph().operation("MatrixSetDiagV3").input(x).input(op.tensor("src")).input(offset).output();
  return tf::transpose(set, inverse(order));
}

/// Whether each element is one of those to test for; a number stands for a tensor on either side.
Value isin(const Operation& op) {
  const auto name = [&](const char* tensor, const char* number) {
    return op.node().args.contains(tensor) ? tensor : number;
  };
  const std::string elements = name("elements", "element");
  const std::string tested = name("test_elements", "test_element");
  const DataType dtype = op.promoted_type({elements, tested});
  const Tensor is_equal =
      tf::equal(tf::expand_dims(op.tensor(elements, dtype), -1), reshaped(op.tensor(tested, dtype), {-1}));
  const Tensor found = tf::reduce_any(is_equal, {-1}, false);
  return op.flag("invert") ? tf::logical_not(found) : found;
}

}  // namespace

void add_indexing(Table* table) {
  table->add_each({"aten.embedding_bag.default", "aten.embedding_bag.padding_idx", "aten._embedding_bag.default"},
                  embedding_bag);
  table->add("aten.embedding.default",
             [](const Operation& op) -> Value { return tf::gather(op.tensor("weight"), op.tensor("indices")); });
  table->add("aten.index_select.default", [](const Operation& op) -> Value {
    if (op.rank_of("self") == 0) return op.tensor("self");
    const Tensor index = op.tensor("index");
    return tf::gather(op.tensor("self"), index.rank() == 0 ? tf::reshape(index, {1}) : index, op.axis("dim"));
  });
  table->add("aten.index.Tensor", index);
  table->add("aten.gather.default", [](const Operation& op) { return gather(op, "index"); });
  table->add("aten.take_along_dim.default", take_along_dim);
  table->add_each({"aten.diagonal.default", "aten.diagonal_copy.default"}, diagonal);
  table->add("aten.diagonal_scatter.default", diagonal_scatter);
  table->add("aten.one_hot.default", one_hot);
  table->add("aten.histc.default", histc);
  table->add_each(
      {"aten.bucketize.Tensor", "aten.searchsorted.Tensor", "aten.bucketize.Scalar", "aten.searchsorted.Scalar"},
      searchsorted);
  table->add_each({"aten.isin.Tensor_Tensor", "aten.isin.Tensor_Scalar", "aten.isin.Scalar_Tensor"}, isin);
  table->add("aten.nonzero.default", [](const Operation& op) -> Value { return places_of_true(op, "self"); });
  table->add_each({"aten.where.default", "aten.nonzero_numpy.default"}, [](const Operation& op) -> Value {
    const std::string name = op.node().args.contains("condition") ? "condition" : "self";
    return tf::unstack(places_of_true(op, name), 1);
  });
}

}  // namespace crossload::lowering

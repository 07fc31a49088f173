// Orders along an axis: the largest, sorted ones, medians, and the extreme so far.
#include <limits>

#include "lowering/indices.h"
#include "lowering/table.h"
#include "tf/ops.h"

namespace crossload::lowering {
namespace {

using tf::DataType;
using tf::Tensor;

using Reduce = Tensor (*)(const Tensor&, const std::vector<int>&, bool);

/// With another axis made the last one for a function that knows that alone.
template <class F>
auto over_last(const Operation& op, int axis, const F& f) {
  const Tensor x = op.tensor("self");
  const std::vector<int> axes = swapped_axes(x.rank(), axis, x.rank() - 1);
  std::vector<Tensor> results = f(transposed(x, axes));
  for (Tensor& result : results) result = transposed(result, axes);
  return results;
}

/// The k largest or smallest, by TensorFlow's order of equal ones: that which comes first.
std::vector<Tensor> ordered(const Tensor& x, const tf::Dim& k, bool largest) {
  const bool is_small = x.dtype() == DataType::kBool || x.dtype() == DataType::kUInt8;
  const Tensor numbers = is_small ? tf::cast(x, DataType::kInt32) : x;
  // In the other order; -x has no place for the lowest integer.
  const auto turned = [](const Tensor& y) { return tf::is_integer(y.dtype()) ? -1 - y : -y; };
  const tf::TopK top = tf::top_k(largest ? numbers : turned(numbers), k);
  const Tensor values = largest ? top.values : turned(top.values);
  return {converted(values, x.dtype()), tf::cast(top.indices, DataType::kInt64)};
}

Value scalar_and_place(const Operation& op) {
  return std::vector<Tensor>{op.tensor("self"), op.graph().constant(0, DataType::kInt64)};
}

Value topk(const Operation& op) {
  if (op.rank_of("self") == 0) {
    if (op.integer("k") != 1) op.fail("no element of a scalar is not supported");
    return scalar_and_place(op);
  }
  return over_last(op, op.axis("dim"), [&](const Tensor& x) { return ordered(x, op.dim("k"), op.flag("largest")); });
}

Value sorted(const Operation& op) {
  if (op.rank_of("self") == 0) return scalar_and_place(op);
  const int axis = op.axis("dim");
  return over_last(op, axis,
                   [&](const Tensor& x) { return ordered(x, op.dim_of("self", axis), op.flag("descending")); });
}

Value argsort(const Operation& op) {
  const Value both = sorted(op);
  return (*both.get<Value::List>())[1];
}

/// The extreme of each element and those before it, and the last place that has it. By n x n comparisons along the axis,
/// since TensorFlow has no such operation.
std::vector<Tensor> running_extreme(const Tensor& x, bool largest) {
  const tf::Dim size = tf::dims_of(x).back();
  const Tensor is_before = tf::lower_triangle(x.graph(), size, size);
  const auto running = [&](const Tensor& y, Reduce f) {
    return f(tf::where(is_before, tf::expand_dims(y, -2), tf::expand_dims(y, -1)), {-1}, false);
  };
  const Tensor numbers = x.dtype() == DataType::kBool ? tf::cast(x, DataType::kInt32) : x;
  const Tensor values = running(numbers, largest ? tf::reduce_max : tf::reduce_min);
  const Tensor places = tf::where(tf::equal(numbers, values), tf::range(x.graph(), size), 0);
  return {converted(values, x.dtype()), tf::cast(running(places, tf::reduce_max), DataType::kInt64)};
}

Value cumulative_extreme(const Operation& op, bool largest) {
  if (op.rank_of("self") == 0) return scalar_and_place(op);
  return over_last(op, op.axis("dim"), [=](const Tensor& x) { return running_extreme(x, largest); });
}

/// The k-th smallest along an axis and its place.
Value kth_along(const Operation& op, const tf::Dim& k, bool finds_nan) {
  if (op.rank_of("self") == 0) return scalar_and_place(op);
  const int axis = op.axis("dim");
  const bool keeps = op.flag("keepdim");
  std::vector<Tensor> found = over_last(op, axis, [&](const Tensor& x) {
    std::vector<Tensor> both = ordered(x, k, false);
    for (Tensor& one : both) one = tf::slice(one, -1, -1, std::nullopt);
    if (finds_nan && tf::is_floating(x.dtype())) {
      const Tensor nan = tf::is_nan(x);
      const Tensor first =
          tf::cast(tf::expand_dims(tf::argmax(tf::cast(nan, DataType::kInt32), -1), -1), DataType::kInt64);
      const Tensor has_nan = tf::reduce_any(nan, {-1}, true);
      both[0] = tf::where(has_nan, std::numeric_limits<double>::quiet_NaN(), both[0]);
      both[1] = tf::where(has_nan, first, both[1]);
    }
    return both;
  });
  if (!keeps) {
    for (Tensor& one : found) one = tf::squeeze(one, axis);
  }
  return found;
}

/// How many elements are up to the middle one, the lower of two.
tf::Dim half(const tf::Dim& size) { return tf::floor_div(size - 1, 2) + 1; }

/// NaN if it is among them.
Value median(const Operation& op) {
  const Tensor x = reshaped(op.tensor("self"), {-1});
  const Tensor middle = tf::select(ordered(x, half(tf::dims_of(x)[0]), false)[0], 0, -1);
  if (!tf::is_floating(x.dtype())) return middle;
  return tf::where(tf::reduce_any(tf::is_nan(x), {0}, false), std::numeric_limits<double>::quiet_NaN(), middle);
}

}  // namespace

void add_orders(Table* table) {
  table->add("aten.topk.default", topk);
  table->add_each({"aten.sort.default", "aten.sort.stable"}, sorted);
  table->add_each({"aten.argsort.default", "aten.argsort.stable"}, argsort);
  table->add("aten.cummax.default", [](const Operation& op) { return cumulative_extreme(op, true); });
  table->add("aten.cummin.default", [](const Operation& op) { return cumulative_extreme(op, false); });
  table->add("aten.kthvalue.default", [](const Operation& op) { return kth_along(op, op.dim("k"), false); });
  table->add("aten.median.dim", [](const Operation& op) {
    return kth_along(op, op.rank_of("self") == 0 ? tf::Dim(1) : half(op.dim_of("self", op.axis("dim"))), true);
  });
  table->add("aten.median.default", median);
}

}  // namespace crossload::lowering

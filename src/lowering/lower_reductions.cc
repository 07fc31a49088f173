// Over axes: sums and their like, positions.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "lowering/table.h"
#include "tf/ops.h"

namespace crossload::lowering {
namespace {

using tf::DataType;
using tf::Tensor;

bool keeps(const Operation& op) { return op.has("keepdim") && op.flag("keepdim"); }

using Reduce = Tensor (*)(const Tensor&, const std::vector<int>&, bool);

/// Over the height and width of an image whose channels are last, without moving them first.
std::optional<std::vector<int>> axes_of_channels_last(const Operation& op, const std::vector<int>& axes) {
  Forms& x = op.forms("self");
  if (!x.has_channels_last() || x.has_plain() || op.rank_of("self") != 4) return std::nullopt;
  std::vector<int> sorted = axes;
  std::ranges::sort(sorted);
  return sorted == std::vector<int>{2, 3} ? std::optional(std::vector<int>{1, 2}) : std::nullopt;
}

/// In the type that the node gives.
Value reduced(const Operation& op, Reduce f) {
  const std::vector<int> axes = op.axes(op.node().args.contains("dim") ? "dim" : "none");
  if (const auto inner = axes_of_channels_last(op, axes)) {
    const Tensor result = f(converted(op.forms("self").channels_last(), op.dtype()), *inner, keeps(op));
    return keeps(op) ? Value(Forms::channels_last(result)) : Value(result);
  }
  return f(op.tensor("self", op.dtype()), axes, keeps(op));
}

void add(Table* table, const std::vector<std::string>& ops, Reduce f) {
  table->add_each(ops, [f](const Operation& op) { return reduced(op, f); });
}

/// Whether any, or all, are not 0: a bool, but of uint8 a uint8.
Value questioned(const Operation& op, Reduce f) {
  const std::vector<int> axes = op.axes(op.node().args.contains("dim") ? "dim" : "none");
  return converted(f(op.tensor("self", DataType::kBool), axes, keeps(op)), op.dtype());
}

/// Of bool, TensorFlow has the extremes by another name.
Value extreme(const Operation& op, bool largest) {
  const Reduce f = op.dtype() == DataType::kBool ? (largest ? tf::reduce_any : tf::reduce_all)
                                                 : (largest ? tf::reduce_max : tf::reduce_min);
  return reduced(op, f);
}

Tensor position(const Operation& op, Tensor x, int axis, bool largest, bool keep) {
  if (x.dtype() == DataType::kBool) x = tf::cast(x, DataType::kInt32);
  const Tensor found = tf::cast(largest ? tf::argmax(x, axis) : tf::argmin(x, axis), DataType::kInt64);
  return keep && op.rank_of("self") > 0 ? tf::expand_dims(found, axis) : found;
}

/// Values and their positions.
Value extreme_at(const Operation& op, bool largest) {
  const Tensor x = op.tensor("self");
  if (op.rank_of("self") == 0) {
    return std::vector<Tensor>{x, op.graph().constant(0, DataType::kInt64)};
  }
  const int axis = op.axis("dim");
  const bool is_bool = x.dtype() == DataType::kBool;
  const Reduce f = is_bool ? (largest ? tf::reduce_any : tf::reduce_all) : largest ? tf::reduce_max : tf::reduce_min;
  return std::vector<Tensor>{f(x, {axis}, keeps(op)), position(op, x, axis, largest, keeps(op))};
}

Value place_of_extreme(const Operation& op, bool largest) {
  const Tensor x = op.tensor("self");
  if (op.rank_of("self") == 0) return op.graph().constant(0, DataType::kInt64);
  if (op.has("dim")) return position(op, x, op.axis("dim"), largest, keeps(op));
  const Tensor found = position(op, reshaped(x, {-1}), 0, largest, false);
  if (!keeps(op)) return found;
  return reshaped(found, tf::Dims(static_cast<std::size_t>(op.rank_of("self")), 1));
}

/// The number of elements along axes, in a floating type.
Tensor count(const Operation& op, const std::vector<int>& axes, DataType dtype) {
  tf::Dim elements = 1;
  for (const int axis : axes) elements = elements * op.dim_of("self", axis);
  if (elements.known()) return op.graph().constant(elements.size(), dtype);
  return tf::cast(elements.as_tensor(op.graph()), dtype);
}

struct Moments {
  Tensor mean;  // with its axes
  Tensor variance;
};

Moments moments(const Operation& op, double correction) {
  const std::vector<int> axes = op.axes("dim");
  const Tensor x = op.tensor("self");
  const Tensor mean = tf::reduce_mean(x, axes, true);
  const Tensor squares = tf::reduce_sum(tf::squared_difference(x, mean), axes, keeps(op));
  return {mean, squares / tf::maximum(count(op, axes, x.dtype()) - correction, 0.0)};
}

double correction_of(const Operation& op) {
  if (op.node().args.contains("unbiased")) return op.flag("unbiased") ? 1 : 0;
  return op.has("correction") ? op.number("correction") : 1;
}

Value mean_with(const Operation& op, bool deviation) {
  const Moments found = moments(op, correction_of(op));
  const std::vector<int> axes = op.axes("dim");
  const Tensor mean = keeps(op) ? found.mean : tf::reduce_mean(op.tensor("self"), axes, false);
  return std::vector<Tensor>{deviation ? tf::sqrt(found.variance) : found.variance, mean};
}

Value norm(const Operation& op) {
  const double order = op.has("ord") ? op.number("ord") : op.has("p") ? op.number("p") : 2;
  const std::vector<int> axes = op.axes("dim");
  const Tensor x = op.tensor("self", op.dtype());
  if (order == 2) return tf::sqrt(tf::reduce_sum(tf::square(x), axes, keeps(op)));
  if (order == 1) return tf::reduce_sum(tf::abs(x), axes, keeps(op));
  if (std::isinf(order)) {
    return order > 0 ? tf::reduce_max(tf::abs(x), axes, keeps(op)) : tf::reduce_min(tf::abs(x), axes, keeps(op));
  }
  if (order == 0) return tf::reduce_sum(converted(tf::not_equal(x, 0), op.dtype()), axes, keeps(op));
  return tf::pow(tf::reduce_sum(tf::pow(tf::abs(x), order), axes, keeps(op)), 1 / order);
}

Value logsumexp(const Operation& op) {
  const std::vector<int> axes = op.axes("dim");
  const Tensor x = op.tensor("self", op.dtype());
  const Tensor largest = tf::reduce_max(x, axes, true);
  const Tensor finite = tf::where(tf::is_finite(largest), largest, 0.0);
  const Tensor sum = tf::log(tf::reduce_sum(tf::exp(x - finite), axes, keeps(op)));
  return sum + (keeps(op) ? finite : reshaped(finite, tf::dims_of(sum)));
}

Value cumsum(const Operation& op) {
  const Tensor x = op.tensor("self", op.dtype());
  return op.rank() == 0 ? x : tf::cumsum(x, op.axis("dim"));
}

Value logcumsumexp(const Operation& op) {
  const Tensor x = op.tensor("self", op.dtype());
  if (op.rank() == 0) return x;
  return op.graph().operation("CumulativeLogsumexp").input(x).input(op.graph().constant(op.axis("dim"))).output();
}

Value cumprod(const Operation& op) {
  const Tensor x = op.tensor("self", op.dtype());
  if (op.rank() == 0) return x;
  return op.graph().operation("Cumprod").input(x).input(op.graph().constant(op.axis("dim"))).output();
}

Value diff(const Operation& op) {
  if (op.integer("n") == 0) return op.value("self");
  const int axis = op.axis("dim");
  std::vector<Tensor> parts;
  if (op.has("prepend")) parts.push_back(op.tensor("prepend"));
  parts.push_back(op.tensor("self"));
  if (op.has("append")) parts.push_back(op.tensor("append"));
  Tensor x = parts.size() == 1 ? parts.front() : tf::concat(parts, axis);
  for (std::int64_t i = op.integer("n"); i > 0; --i) {
    const Tensor later = tf::slice(x, axis, 1, std::nullopt);
    const Tensor earlier = tf::slice(x, axis, std::nullopt, -1);
    x = x.dtype() == DataType::kBool ? tf::logical_xor(later, earlier) : later - earlier;
  }
  return x;
}

Value softmax(const Operation& op, Tensor (*f)(const Tensor&, int)) {
  const Tensor x = op.tensor("self", op.dtype());
  if (op.rank() == 0) return reshaped(f(reshaped(x, {1}), -1), {});
  return f(x, op.axis("dim"));
}

/// The numbers of ATen's reductions of a loss.
enum Reduction { kNone, kMean, kSum };

/// [] or, without a reduction, as the operands.
Value mean_squared_error(const Operation& op) {
  const Tensor squares = tf::squared_difference(op.tensor("self"), op.tensor("target"));
  const std::int64_t reduction = op.integer("reduction");
  if (reduction == kNone) return squares;
  std::vector<int> axes(static_cast<std::size_t>(squares.rank()));
  std::iota(axes.begin(), axes.end(), 0);
  return reduction == kMean ? tf::reduce_mean(squares, axes, false) : tf::reduce_sum(squares, axes, false);
}

}  // namespace

void add_reductions(Table* table) {
  table->add("aten.mse_loss.default", mean_squared_error);
  add(table, {"aten.mean.dim", "aten.mean.default"}, tf::reduce_mean);
  add(table, {"aten.sum.dim_IntList", "aten.sum.default"}, tf::reduce_sum);
  add(table, {"aten.prod.dim_int", "aten.prod.default"}, tf::reduce_prod);
  table->add_each({"aten.any.dim", "aten.any.default", "aten.any.dims"},
                  [](const Operation& op) { return questioned(op, tf::reduce_any); });
  table->add_each({"aten.all.dim", "aten.all.default", "aten.all.dims", "aten._is_all_true.default"},
                  [](const Operation& op) { return questioned(op, tf::reduce_all); });
  table->add_each({"aten.amax.default", "aten.max.default"}, [](const Operation& op) { return extreme(op, true); });
  table->add_each({"aten.amin.default", "aten.min.default"}, [](const Operation& op) { return extreme(op, false); });
  table->add("aten.max.dim", [](const Operation& op) { return extreme_at(op, true); });
  table->add("aten.min.dim", [](const Operation& op) { return extreme_at(op, false); });
  table->add("aten.argmax.default", [](const Operation& op) { return place_of_extreme(op, true); });
  table->add("aten.argmin.default", [](const Operation& op) { return place_of_extreme(op, false); });
  table->add_each({"aten.var.correction", "aten.var.default", "aten.var.dim"},
                  [](const Operation& op) -> Value { return moments(op, correction_of(op)).variance; });
  table->add_each({"aten.std.correction", "aten.std.default", "aten.std.dim"},
                  [](const Operation& op) -> Value { return tf::sqrt(moments(op, correction_of(op)).variance); });
  table->add("aten.var_mean.correction", [](const Operation& op) { return mean_with(op, false); });
  table->add("aten.std_mean.correction", [](const Operation& op) { return mean_with(op, true); });
  table->add_each({"aten.linalg_vector_norm.default", "aten.norm.ScalarOpt_dim", "aten.norm.Scalar"}, norm);
  table->add("aten.logsumexp.default", logsumexp);
  table->add("aten.cumsum.default", cumsum);
  table->add("aten.cumprod.default", cumprod);
  table->add("aten.logcumsumexp.default", logcumsumexp);
  table->add("aten.diff.default", diff);
  table->add_each({"aten.softmax.int", "aten._softmax.default"},
                  [](const Operation& op) { return softmax(op, tf::softmax); });
  table->add_each({"aten.log_softmax.int", "aten._log_softmax.default"},
                  [](const Operation& op) { return softmax(op, tf::log_softmax); });
}

}  // namespace crossload::lowering

// Tensors made of numbers.
#include <algorithm>
#include <cmath>

#include "lowering/table.h"
#include "tf/ops.h"

namespace crossload::lowering {
namespace {

using tf::Dim;
using tf::Tensor;

Tensor zero(const Operation& op) { return op.graph().constant(0, op.dtype()); }
Tensor one(const Operation& op) { return op.graph().constant(1, op.dtype()); }

/// Full of a scalar, of the sizes that are an argument.
Value filled(const Operation& op, const Tensor& value) { return tf::fill(op.graph(), op.dims("size"), value); }
/// The same of another tensor's sizes.
Value filled_like(const Operation& op, const Tensor& value) { return tf::fill(op.graph(), op.dims_of("self"), value); }

bool is_floating(const Value& value) {
  return value.get<double>() != nullptr || (value.forms() != nullptr && tf::is_floating(value.forms()->dtype()));
}

Value arange(const Operation& op) {
  const auto given = [&](const char* name) { return op.node().args.contains(name); };
  if ((given("start") && is_floating(op.value("start"))) || is_floating(op.value("end")) ||
      (given("step") && is_floating(op.value("step")))) {
    const auto part = [&](const char* name, double otherwise) {
      return given(name) ? op.tensor(name, tf::DataType::kFloat) : op.graph().constant(static_cast<float>(otherwise));
    };
    const Tensor start = part("start", 0);
    const Tensor step = part("step", 1);
    const Tensor count = tf::cast(tf::ceil((part("end", 0) - start) / step), tf::DataType::kInt32);
    return converted(tf::cast(tf::range(op.graph(), Dim(count)), tf::DataType::kFloat) * step + start, op.dtype());
  }
  const Dim start = given("start") ? op.dim("start") : Dim(0);
  const Dim step = given("step") ? op.dim("step") : Dim(1);
  return converted(tf::range(op.graph(), start, op.dim("end"), step), op.dtype());
}

/// The column of a matrix minus its row.
Tensor diagonals(const Operation& op, const Dim& rows, const Dim& columns) {
  return tf::expand_dims(tf::range(op.graph(), columns), 0) - tf::expand_dims(tf::range(op.graph(), rows), 1);
}

Value triangle(const Operation& op) {
  const Tensor x = op.tensor("self");
  const Tensor diagonal = diagonals(op, op.dim_of("self", -2), op.dim_of("self", -1));
  const Dim wanted = op.dim("diagonal");
  const bool is_upper = op.node().op.find("triu") != std::string::npos;
  return tf::where(is_upper ? tf::greater_equal(diagonal, wanted) : tf::less_equal(diagonal, wanted), x,
                   tf::zeros_like(x));
}

Value eye(const Operation& op) {
  const Dim rows = op.dim("n");
  const Dim columns = op.has("m") ? op.dim("m") : rows;
  return converted(tf::equal(diagonals(op, rows, columns), 0), op.dtype());
}

/// How many numbers, of an argument, are put into a graph one by one.
constexpr std::int64_t kMostNumbers = 1 << 14;

/// [2, elements]: the rows and the columns of those at and below a diagonal, or at and above it.
Value triangle_places(const Operation& op, bool is_lower) {
  const std::int64_t height = op.integer("row");
  const std::int64_t width = op.integer("col");
  if (std::max(height, width) > kMostNumbers) op.fail("of so many rows or columns is not supported");
  const std::int64_t offset = op.integer("offset");
  std::vector<std::int32_t> rows;
  std::vector<std::int32_t> columns;
  for (std::int32_t row = 0; row < height; ++row) {
    for (std::int32_t column = 0; column < width; ++column) {
      const std::int64_t diagonal = column - row;
      if (is_lower ? diagonal > offset : diagonal < offset) continue;
      rows.push_back(row);
      columns.push_back(column);
    }
  }
  return tf::cast(tf::stack({op.graph().constant(rows), op.graph().constant(columns)}), op.dtype());
}

Value copy(const Operation& op) {
  const Tensor source = op.tensor("src", op.dtype());
  return op.type_of("src").shape == op.type().shape ? source : tf::broadcast_to(source, op.dims_of("self"));
}

bool is_known(const Operation& op, const char* name) {
  const Value value = op.value(name);
  const Dim* size = value.get<Dim>();
  return value.forms() == nullptr && (size == nullptr || size->known());
}

/// Of ends or a number of steps that it takes a run to know.
Value free_linspace(const Operation& op) {
  if (!tf::is_floating(op.dtype())) op.fail("of integers is supported for ends that are known");
  const Dim steps = op.dim("steps");
  const Tensor places = tf::range(op.graph(), steps);
  const Tensor i = tf::cast(places, op.dtype());
  const Tensor last = tf::like(i, steps - 1);
  const Tensor start = op.tensor("start", op.dtype());
  const Tensor end = op.tensor("end", op.dtype());
  const Tensor step = (end - start) / tf::maximum(last, 1);
  const Dim first_half = tf::maximum(tf::floor_div(steps, 2), 1);
  return tf::where(tf::less(places, first_half), start + step * i, end - step * (last - i));
}

Value linspace(const Operation& op) {
  if (!is_known(op, "start") || !is_known(op, "end") || !is_known(op, "steps")) return free_linspace(op);
  const std::int64_t steps = op.integer("steps");
  if (steps > kMostNumbers) return free_linspace(op);
  const double start = op.number("start");
  const double step = steps > 1 ? (op.number("end") - start) / static_cast<double>(steps - 1) : 0;
  std::vector<Tensor> values;
  for (std::int64_t i = 0; i < steps; ++i) {
    const bool is_first_half = i < steps / 2;  // PyTorch counts from both ends
    const double value = is_first_half || steps == 1 ? start + step * static_cast<double>(i)
                                                     : op.number("end") - step * static_cast<double>(steps - i - 1);
    values.push_back(op.graph().constant(tf::is_integer(op.dtype()) ? std::trunc(value) : value, op.dtype()));
  }
  if (values.empty()) return tf::fill(op.graph(), {0}, zero(op));
  return tf::stack(values);
}

}  // namespace

void add_creation(Table* table) {
  table->add_each({"aten.full.default", "aten.new_full.default"},
                  [](const Operation& op) { return filled(op, op.tensor("fill_value", op.dtype())); });
  table->add_each(
      {"aten.zeros.default", "aten.new_zeros.default", "aten.empty.memory_format", "aten.new_empty.default"},
      [](const Operation& op) { return filled(op, zero(op)); });
  table->add_each({"aten.ones.default", "aten.new_ones.default"},
                  [](const Operation& op) { return filled(op, one(op)); });
  table->add_each({"aten.zeros_like.default", "aten.empty_like.default"},
                  [](const Operation& op) { return filled_like(op, zero(op)); });
  table->add("aten.ones_like.default", [](const Operation& op) { return filled_like(op, one(op)); });
  table->add("aten.full_like.default",
             [](const Operation& op) { return filled_like(op, op.tensor("fill_value", op.dtype())); });
  table->add_each({"aten.fill.Scalar", "aten.fill.Tensor"},
                  [](const Operation& op) { return filled_like(op, op.tensor("value", op.dtype())); });
  table->add("aten.copy.default", copy);
  table->add("aten.scalar_tensor.default", [](const Operation& op) -> Value { return op.tensor("s", op.dtype()); });
  table->add_each({"aten.arange.default", "aten.arange.start", "aten.arange.start_step"}, arange);
  table->add_each({"aten.linspace.default", "aten.linspace.Tensor_Tensor", "aten.linspace.Tensor_Scalar",
                   "aten.linspace.Scalar_Tensor"},
                  linspace);
  table->add_each({"aten.triu.default", "aten.tril.default"}, triangle);
  table->add("aten.tril_indices.default", [](const Operation& op) { return triangle_places(op, true); });
  table->add("aten.triu_indices.default", [](const Operation& op) { return triangle_places(op, false); });
  table->add_each({"aten.eye.default", "aten.eye.m"}, eye);
}

}  // namespace crossload::lowering

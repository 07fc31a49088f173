// Functions of two tensors' elements, and choices between them.
#include "lowering/elementwise.h"
#include "lowering/table.h"
#include "tf/ops.h"

namespace crossload::lowering {
namespace {

using tf::DataType;
using tf::Tensor;

bool is_bool(const Tensor& x) { return x.dtype() == DataType::kBool; }

/// PyTorch's sum of truths is "or", its product "and".
Tensor sum(const Tensor& a, const Tensor& b) { return is_bool(a) ? tf::logical_or(a, b) : a + b; }
Tensor product(const Tensor& a, const Tensor& b) { return is_bool(a) ? tf::logical_and(a, b) : a * b; }
Tensor difference(const Tensor& a, const Tensor& b) { return a - b; }

Value scaled(const Operation& op, const Binary& f) {
  if (!op.has("alpha") || op.number("alpha") == 1) return combine(op, f, op.dtype());
  const double alpha = op.number("alpha");
  return combine(
      op, [&](const Tensor& a, const Tensor& b) { return f(a, b * alpha); }, op.dtype());
}

/// Of floating numbers not the quotient rounded, as 1 // 0.1 is 9: 0.1 is a little more than a tenth.
Tensor floor_quotient(const Tensor& a, const Tensor& b) {
  if (!tf::is_floating(a.dtype())) return tf::floor_div(a, b);
  const Tensor rest = tf::truncate_mod(a, b);
  const Tensor is_behind = tf::logical_and(tf::not_equal(rest, 0), tf::not_equal(tf::less(b, 0), tf::less(rest, 0)));
  const Tensor exact = (a - rest) / b;
  const Tensor nearest = tf::floor(tf::where(is_behind, exact - 1, exact) + 0.5);
  return tf::where(tf::equal(b, 0), a / b, nearest);
}

Tensor quotient(const Tensor& a, const Tensor& b) {
  if (a.dtype() != DataType::kComplex64) return a / b;
  return a.graph().operation("Div").input(a).input(b).output();
}

Value divided(const Operation& op) {
  const std::string mode = op.has("rounding_mode") ? op.text("rounding_mode") : "";
  const Binary by_mode = mode == "floor"   ? Binary(floor_quotient)
                         : mode == "trunc" ? Binary([](auto& a, auto& b) { return tf::truncate_div(a, b); })
                                           : Binary(quotient);
  return combine(op, by_mode, op.dtype());
}

/// For both overloads: with a tensor and with a number.
void add(Table* table, const std::string& name, const Table::Lower& lower) {
  table->add_each({"aten." + name + ".Tensor", "aten." + name + ".Scalar"}, lower);
}

void add_comparison(Table* table, const std::string& name, Tensor (*f)(const Tensor&, const Tensor&)) {
  add(table, name, [=](const Operation& op) {
    DataType dtype = op.promoted_type({"self", "other"});
    if (dtype == DataType::kBool && name != "eq" && name != "ne") dtype = DataType::kInt32;
    return combine(op, f, dtype);
  });
}

using TwoTensors = Tensor (*)(const Tensor&, const Tensor&);

void add_bitwise(Table* table, const std::string& name, const char* operation, TwoTensors of_bools) {
  const Table::Lower lower = [=](const Operation& op) {
    const auto f = [=](const Tensor& a, const Tensor& b) {
      return is_bool(a) ? of_bools(a, b) : a.graph().operation(operation).input(a).input(b).output();
    };
    return combine(op, f, op.promoted_type({"self", "other"}));
  };
  add(table, "bitwise_" + name, lower);
  add(table, "__" + name + "__", lower);
}

void add_logical(Table* table, const std::string& name, TwoTensors f) {
  table->add("aten." + name + ".default", [=](const Operation& op) { return combine(op, f, DataType::kBool); });
}

void add_extreme(Table* table, const std::string& name, const std::string& elementwise, TwoTensors f) {
  table->add_each({"aten." + name + ".other", "aten." + elementwise + ".default"}, [=](const Operation& op) {
    if (op.dtype() != DataType::kBool) return combine(op, f, op.dtype());
    return combine(op, elementwise == "maximum" ? tf::logical_or : tf::logical_and, DataType::kBool);
  });
}

Value power_of_tensor(const Operation& op) {
  const Value exponent = op.value("exponent");
  if (exponent.forms() != nullptr) {
    return combine(
        op, [](auto& a, auto& b) { return tf::pow(a, b); }, op.dtype(), "self", "exponent");
  }
  const double e = op.number("exponent");
  return map(op, [&](const Tensor& x) {
    if (e == 1) return x;
    if (e == 2) return tf::square(x);
    if (e == 3) return tf::square(x) * x;
    if (e == 0.5) return tf::sqrt(x);
    if (e == -0.5) return tf::rsqrt(x);
    if (e == -1) return tf::reciprocal(x);
    return tf::pow(x, op.tensor("exponent", op.dtype()));
  });
}

Value masked_fill(const Operation& op) {
  return tf::where(op.tensor("mask", DataType::kBool), op.tensor("value", op.dtype()), op.tensor("self", op.dtype()));
}

Value where(const Operation& op) {
  return tf::where(op.tensor("condition", DataType::kBool), op.tensor("self", op.dtype()),
                   op.tensor("other", op.dtype()));
}

/// self + value * a * b, or a / b.
Value added(const Operation& op, TwoTensors f) {
  const DataType dtype = op.dtype();
  const Tensor part = f(op.tensor("tensor1", dtype), op.tensor("tensor2", dtype));
  const double value = op.number("value");
  return op.tensor("self", dtype) + (value == 1 ? part : part * value);
}

}  // namespace

void add_arithmetic(Table* table) {
  add(table, "add", [](const Operation& op) { return scaled(op, sum); });
  add(table, "sub", [](const Operation& op) { return scaled(op, difference); });
  for (const char* name : {"mul", "multiply"}) {
    add(table, name, [](const Operation& op) { return combine(op, product, op.dtype()); });
  }
  add(table, "rsub", [](const Operation& op) {
    const double alpha = op.number("alpha");
    const auto f = [=](const Tensor& a, const Tensor& b) { return difference(a, alpha == 1 ? b : b * alpha); };
    return combine(op, f, op.dtype(), "other", "self");
  });
  table->add_each({"aten.div.Tensor", "aten.div.Scalar", "aten.div.Tensor_mode", "aten.div.Scalar_mode"}, divided);
  table->add_each({"aten.floor_divide.default", "aten.floor_divide.Scalar"},
                  [](const Operation& op) { return combine(op, floor_quotient, op.dtype()); });
  add(table, "remainder", [](const Operation& op) {
    return combine(
        op, [](auto& a, auto& b) { return tf::mod(a, b); }, op.dtype());
  });
  add(table, "fmod", [](const Operation& op) {
    return combine(
        op, [](auto& a, auto& b) { return tf::truncate_mod(a, b); }, op.dtype());
  });
  table->add("aten.atan2.default", [](const Operation& op) { return combine(op, tf::atan2, op.dtype()); });
  table->add_each({"aten.pow.Tensor_Scalar", "aten.pow.Tensor_Tensor", "aten.pow.Scalar"}, power_of_tensor);
  add_comparison(table, "eq", tf::equal);
  add_comparison(table, "ne", tf::not_equal);
  add_comparison(table, "lt", tf::less);
  add_comparison(table, "le", tf::less_equal);
  add_comparison(table, "gt", tf::greater);
  add_comparison(table, "ge", tf::greater_equal);
  add_bitwise(table, "and", "BitwiseAnd", tf::logical_and);
  add_bitwise(table, "or", "BitwiseOr", tf::logical_or);
  add_bitwise(table, "xor", "BitwiseXor", tf::logical_xor);
  add_logical(table, "logical_and", tf::logical_and);
  add_logical(table, "logical_or", tf::logical_or);
  add_logical(table, "logical_xor", tf::logical_xor);
  add_extreme(table, "min", "minimum", tf::minimum);
  add_extreme(table, "max", "maximum", tf::maximum);
  table->add_each({"aten.masked_fill.Scalar", "aten.masked_fill.Tensor"}, masked_fill);
  table->add_each({"aten.where.self", "aten.where.ScalarOther", "aten.where.ScalarSelf", "aten.where.Scalar"}, where);
  table->add("aten.addcmul.default", [](const Operation& op) { return added(op, tf::operator*); });
  table->add("aten.addcdiv.default", [](const Operation& op) { return added(op, tf::operator/); });
  table->add_each({"aten.lerp.Scalar", "aten.lerp.Tensor"}, [](const Operation& op) -> Value {
    const Tensor start = op.tensor("self", op.dtype());
    return start + op.tensor("weight", op.dtype()) * (op.tensor("end", op.dtype()) - start);
  });
}

}  // namespace crossload::lowering

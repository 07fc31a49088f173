// Functions of numbers that mathematics has a name for, and what numbers are made of: signs, bits.
#include <limits>

#include "lowering/elementwise.h"
#include "lowering/table.h"
#include "tf/ops.h"
#include "tf/simple_ops.h"

namespace crossload::lowering {
namespace {

using tf::DataType;
using tf::Tensor;

void add_of_one(Table* table, const std::string& name, const char* type) {
  table->add("aten." + name + ".default",
             [type](const Operation& op) { return map(op, [type](const Tensor& x) { return tf::unary(type, x); }); });
}

void add_of_two(Table* table, const std::vector<std::string>& ops, const char* type) {
  table->add_each(ops, [type](const Operation& op) {
    return combine(
        op, [type](auto& a, auto& b) { return tf::binary(type, a, b); }, op.dtype());
  });
}

/// Also of -0, and of NaN with its sign.
Tensor is_negative(const Tensor& x) {
  const auto bits = [&](DataType dtype) {
    return tf::less(x.graph().operation("Bitcast").input(x).type("type", dtype).output(), 0);
  };
  switch (x.dtype()) {
    case DataType::kBool:
      return tf::logical_and(x, tf::logical_not(x));
    case DataType::kFloat:
      return bits(DataType::kInt32);
    case DataType::kDouble:
      return bits(DataType::kInt64);
    case DataType::kHalf:
    case DataType::kBFloat16:
      return bits(DataType::kInt16);
    default:
      return tf::less(x, 0);
  }
}

Tensor with_sign(const Tensor& x, const Tensor& sign) {
  const Tensor size = tf::abs(x);
  return tf::where(is_negative(sign), -size, size);
}

/// The larger or smaller one; of a number and NaN the number.
Value extreme_number(const Operation& op, bool largest) {
  if (op.dtype() == DataType::kBool) return combine(op, largest ? tf::logical_or : tf::logical_and, op.dtype());
  const auto f = [largest](const Tensor& a, const Tensor& b) {
    return largest ? tf::maximum(a, b) : tf::minimum(a, b);
  };
  const auto number = [&f](const Tensor& a, const Tensor& b) {
    if (!tf::is_floating(a.dtype())) return f(a, b);
    return tf::where(tf::is_nan(a), b, tf::where(tf::is_nan(b), a, f(a, b)));
  };
  return combine(op, number, op.dtype());
}

/// sqrt(a² + b²) whose squares do not overflow.
Tensor hypotenuse(const Tensor& a, const Tensor& b) {
  const Tensor larger = tf::maximum(tf::abs(a), tf::abs(b));
  const Tensor ratio = tf::minimum(tf::abs(a), tf::abs(b)) / tf::where(tf::equal(larger, 0), 1, larger);
  const Tensor finite = larger * tf::sqrt(1 + tf::square(ratio));
  const Tensor is_infinite = tf::logical_or(tf::is_inf(a), tf::is_inf(b));  // whatever the other one is
  return tf::where(is_infinite, std::numeric_limits<double>::infinity(), finite);
}

/// At 0 infinity, of the sign that is not 0's.
Tensor digamma(const Tensor& x) { return tf::where(tf::equal(x, 0), -tf::reciprocal(x), tf::unary("Digamma", x)); }

/// Of evaluation: in training the slopes are random.
Value leaky(const Operation& op) {
  if (op.flag("training")) op.fail("is random in training");
  const double slope = (op.number("lower") + op.number("upper")) / 2;
  return map(op, [slope](const Tensor& x) { return tf::leaky_relu(x, slope); });
}

void add_shift(Table* table, const std::string& word, const std::string& letter, const char* type) {
  const std::string named = "aten.bitwise_" + word + "_shift.";
  const std::string of_python = "aten.__" + letter + "shift__.";
  add_of_two(table, {named + "Tensor", named + "Tensor_Scalar", of_python + "Tensor", of_python + "Scalar"}, type);
}

}  // namespace

void add_special(Table* table) {
  table->add("aten.digamma.default", [](const Operation& op) { return map(op, digamma); });
  add_of_one(table, "i0", "BesselI0");
  add_of_one(table, "special_i0e", "BesselI0e");
  add_of_one(table, "special_i1", "BesselI1");
  add_of_one(table, "special_i1e", "BesselI1e");
  add_of_one(table, "special_ndtri", "Ndtri");
  add_of_two(table, {"aten.igamma.default"}, "Igamma");
  add_of_two(table, {"aten.igammac.default"}, "Igammac");
  add_of_two(table, {"aten.nextafter.default"}, "NextAfter");
  table->add("aten.signbit.default", [](const Operation& op) -> Value { return is_negative(op.tensor("self")); });
  table->add_each({"aten.copysign.Tensor", "aten.copysign.Scalar"},
                  [](const Operation& op) { return combine(op, with_sign, op.dtype()); });
  table->add("aten.fmax.default", [](const Operation& op) { return extreme_number(op, true); });
  table->add("aten.fmin.default", [](const Operation& op) { return extreme_number(op, false); });
  table->add("aten.hypot.default", [](const Operation& op) { return combine(op, hypotenuse, op.dtype()); });
  table->add("aten.rrelu.default", leaky);
  add_shift(table, "left", "l", "LeftShift");
  add_shift(table, "right", "r", "RightShift");
}

}  // namespace crossload::lowering

#include "tf/ops_math.h"

#include "tf/operation_error.h"
#include "tf/simple_ops.h"

namespace crossload::tf {

Tensor like(const Tensor& x, const Number& value) { return x.graph().constant(value, x.dtype()); }

Tensor like(const Tensor& x, const Dim& value) {
  return value.known() ? like(x, Number(value.size())) : cast(value.as_tensor(x.graph()), x.dtype());
}

Tensor operator+(const Tensor& a, const Tensor& b) { return binary("AddV2", a, b); }
Tensor operator-(const Tensor& a, const Tensor& b) { return binary("Sub", a, b); }
Tensor operator*(const Tensor& a, const Tensor& b) { return binary("Mul", a, b); }
Tensor operator/(const Tensor& a, const Tensor& b) {
  if (!is_floating(a.dtype())) {  // TensorFlow would make the node, and find no kernel when it runs it
    const std::string what =
        "a tensor of " + name_of(a.dtype()) + " has no /; use floor_div or truncate_div, or cast it to a floating type";
    throw OperationError("TensorFlow: " + a.name() + ": " + what, "RealDiv", a.graph().scope() + "RealDiv", what);
  }
  return binary("RealDiv", a, b);
}
Tensor operator-(const Tensor& a) { return unary("Neg", a); }
Tensor maximum(const Tensor& a, const Tensor& b) { return binary("Maximum", a, b); }
Tensor minimum(const Tensor& a, const Tensor& b) { return binary("Minimum", a, b); }
Tensor pow(const Tensor& a, const Tensor& b) { return binary("Pow", a, b); }
Tensor squared_difference(const Tensor& a, const Tensor& b) { return binary("SquaredDifference", a, b); }
Tensor atan2(const Tensor& y, const Tensor& x) { return binary("Atan2", y, x); }
Tensor floor_div(const Tensor& a, const Tensor& b) { return binary("FloorDiv", a, b); }
Tensor mod(const Tensor& a, const Tensor& b) { return binary("FloorMod", a, b); }
Tensor truncate_div(const Tensor& a, const Tensor& b) {
  if (!is_floating(a.dtype())) return binary("Div", a, b);
  const Tensor quotient = a / b;
  return sign(quotient) * floor(abs(quotient));
}
Tensor truncate_mod(const Tensor& a, const Tensor& b) {
  return is_floating(a.dtype()) ? sign(a) * mod(abs(a), abs(b)) : a - truncate_div(a, b) * b;
}
Tensor clip(const Tensor& x, const Number& low, const Number& high) {
  return minimum(maximum(x, like(x, low)), like(x, high));
}

// acos, asin, atan, cosh, sinh and tan are made of others: LiteRT has none of them.
Tensor abs(const Tensor& x) { return unary("Abs", x); }
Tensor acos(const Tensor& x) { return atan2(sqrt((1 - x) * (1 + x)), x); }
Tensor asin(const Tensor& x) { return atan2(x, sqrt((1 - x) * (1 + x))); }
Tensor atan(const Tensor& x) { return atan2(x, like(x, 1)); }
Tensor ceil(const Tensor& x) { return unary("Ceil", x); }
Tensor cos(const Tensor& x) { return unary("Cos", x); }
Tensor cosh(const Tensor& x) { return (exp(x) + exp(-x)) * 0.5; }
Tensor elu(const Tensor& x) { return unary("Elu", x); }
Tensor erf(const Tensor& x) { return unary("Erf", x); }
Tensor exp(const Tensor& x) { return unary("Exp", x); }
Tensor expm1(const Tensor& x) { return unary("Expm1", x); }
Tensor floor(const Tensor& x) { return unary("Floor", x); }
Tensor leaky_relu(const Tensor& x, double alpha) {
  return x.graph().operation("LeakyRelu").input(x).number("alpha", static_cast<float>(alpha)).output();
}
Tensor log(const Tensor& x) { return unary("Log", x); }
Tensor log1p(const Tensor& x) { return unary("Log1p", x); }
Tensor reciprocal(const Tensor& x) { return unary("Reciprocal", x); }
Tensor relu(const Tensor& x) { return unary("Relu", x); }
Tensor relu6(const Tensor& x) { return unary("Relu6", x); }
Tensor round(const Tensor& x) { return unary("Round", x); }
Tensor rsqrt(const Tensor& x) { return unary("Rsqrt", x); }
Tensor selu(const Tensor& x) { return unary("Selu", x); }
Tensor sigmoid(const Tensor& x) { return unary("Sigmoid", x); }
Tensor sign(const Tensor& x) { return unary("Sign", x); }
Tensor sin(const Tensor& x) { return unary("Sin", x); }
Tensor sinh(const Tensor& x) { return (expm1(x) - expm1(-x)) * 0.5; }
Tensor softplus(const Tensor& x) { return unary("Softplus", x); }
Tensor softsign(const Tensor& x) { return x / (abs(x) + 1); }
Tensor sqrt(const Tensor& x) { return unary("Sqrt", x); }
Tensor square(const Tensor& x) { return unary("Square", x); }
Tensor tan(const Tensor& x) { return sin(x) / cos(x); }
Tensor tanh(const Tensor& x) { return unary("Tanh", x); }
Tensor cast(const Tensor& x, DataType dtype) {
  return x.dtype() == dtype ? x : x.graph().operation("Cast").input(x).type("DstT", dtype).output();
}
Tensor identity(const Tensor& x) { return unary("Identity", x); }
Tensor stop_gradient(const Tensor& x) { return unary("StopGradient", x); }

Tensor equal(const Tensor& a, const Tensor& b) { return binary("Equal", a, b); }
Tensor not_equal(const Tensor& a, const Tensor& b) { return binary("NotEqual", a, b); }
Tensor less(const Tensor& a, const Tensor& b) { return binary("Less", a, b); }
Tensor less_equal(const Tensor& a, const Tensor& b) { return binary("LessEqual", a, b); }
Tensor greater(const Tensor& a, const Tensor& b) { return binary("Greater", a, b); }
Tensor greater_equal(const Tensor& a, const Tensor& b) { return binary("GreaterEqual", a, b); }
Tensor is_nan(const Tensor& x) { return unary("IsNan", x); }
Tensor is_inf(const Tensor& x) { return unary("IsInf", x); }
Tensor is_finite(const Tensor& x) { return unary("IsFinite", x); }
Tensor logical_and(const Tensor& a, const Tensor& b) { return binary("LogicalAnd", a, b); }
Tensor logical_or(const Tensor& a, const Tensor& b) { return binary("LogicalOr", a, b); }
Tensor logical_xor(const Tensor& a, const Tensor& b) { return not_equal(a, b); }
Tensor logical_not(const Tensor& x) { return unary("LogicalNot", x); }
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  return a.graph().operation("SelectV2").input(condition).input(a).input(b).output();
}

}  // namespace crossload::tf

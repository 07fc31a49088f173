// Element by element, with broadcasting. Both sides are of one type; a number or a size takes the type of the tensor,
// which must be able to hold it: an int32 tensor times 0.5 is an OperationError.
#pragma once

#include "tf/dim.h"

namespace crossload::tf {

template <class T>
concept Scalar = Arithmetic<T> || std::same_as<T, Dim>;

/// The scalar as a tensor of the type of x.
Tensor like(const Tensor& x, const Number& value);
Tensor like(const Tensor& x, const Dim& value);
template <Arithmetic T>
Tensor like(const Tensor& x, T value) {
  return like(x, Number(value));
}

Tensor operator+(const Tensor& a, const Tensor& b);
Tensor operator-(const Tensor& a, const Tensor& b);
Tensor operator*(const Tensor& a, const Tensor& b);
/// Of floating tensors. Integers have floor_div and truncate_div.
Tensor operator/(const Tensor& a, const Tensor& b);
Tensor operator-(const Tensor& a);
Tensor maximum(const Tensor& a, const Tensor& b);
Tensor minimum(const Tensor& a, const Tensor& b);
Tensor pow(const Tensor& a, const Tensor& b);
Tensor squared_difference(const Tensor& a, const Tensor& b);
Tensor atan2(const Tensor& y, const Tensor& x);
/// The quotient rounded down, and what remains, of the divisor's sign: Python's // and %.
Tensor floor_div(const Tensor& a, const Tensor& b);
Tensor mod(const Tensor& a, const Tensor& b);
/// The quotient rounded towards 0, and what remains, of the dividend's sign: C's / and % of integers, also of floating.
Tensor truncate_div(const Tensor& a, const Tensor& b);
Tensor truncate_mod(const Tensor& a, const Tensor& b);
Tensor clip(const Tensor& x, const Number& low, const Number& high);

Tensor abs(const Tensor& x);
Tensor acos(const Tensor& x);
Tensor asin(const Tensor& x);
Tensor atan(const Tensor& x);
Tensor ceil(const Tensor& x);
Tensor cos(const Tensor& x);
Tensor cosh(const Tensor& x);
Tensor elu(const Tensor& x);
/// LiteRT's converter takes it inside of a GELU alone.
Tensor erf(const Tensor& x);
Tensor exp(const Tensor& x);
Tensor expm1(const Tensor& x);
Tensor floor(const Tensor& x);
Tensor leaky_relu(const Tensor& x, double alpha);
Tensor log(const Tensor& x);
Tensor log1p(const Tensor& x);
Tensor reciprocal(const Tensor& x);
Tensor relu(const Tensor& x);
Tensor relu6(const Tensor& x);
/// Halves to the even neighbour, as Python and PyTorch.
Tensor round(const Tensor& x);
Tensor rsqrt(const Tensor& x);
Tensor selu(const Tensor& x);
Tensor sigmoid(const Tensor& x);
/// -1, 0 or 1.
Tensor sign(const Tensor& x);
Tensor sin(const Tensor& x);
Tensor sinh(const Tensor& x);
Tensor softplus(const Tensor& x);
Tensor softsign(const Tensor& x);
Tensor sqrt(const Tensor& x);
Tensor square(const Tensor& x);
Tensor tan(const Tensor& x);
Tensor tanh(const Tensor& x);
Tensor cast(const Tensor& x, DataType dtype);
Tensor identity(const Tensor& x);
Tensor stop_gradient(const Tensor& x);

// Of bool, or giving bool.
Tensor equal(const Tensor& a, const Tensor& b);
Tensor not_equal(const Tensor& a, const Tensor& b);
Tensor less(const Tensor& a, const Tensor& b);
Tensor less_equal(const Tensor& a, const Tensor& b);
Tensor greater(const Tensor& a, const Tensor& b);
Tensor greater_equal(const Tensor& a, const Tensor& b);
Tensor is_nan(const Tensor& x);
Tensor is_inf(const Tensor& x);
Tensor is_finite(const Tensor& x);
Tensor logical_and(const Tensor& a, const Tensor& b);
Tensor logical_or(const Tensor& a, const Tensor& b);
Tensor logical_xor(const Tensor& a, const Tensor& b);
Tensor logical_not(const Tensor& x);
/// `a` where the condition holds, else `b`.
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);

// The same with a number or a size on one side.
template <Scalar T>
Tensor operator+(const Tensor& a, T b) {
  return a + like(a, b);
}
template <Scalar T>
Tensor operator-(const Tensor& a, T b) {
  return a - like(a, b);
}
template <Scalar T>
Tensor operator*(const Tensor& a, T b) {
  return a * like(a, b);
}
template <Scalar T>
Tensor operator/(const Tensor& a, T b) {
  return a / like(a, b);
}
template <Scalar T>
Tensor operator+(T a, const Tensor& b) {
  return like(b, a) + b;
}
template <Scalar T>
Tensor operator-(T a, const Tensor& b) {
  return like(b, a) - b;
}
template <Scalar T>
Tensor operator*(T a, const Tensor& b) {
  return like(b, a) * b;
}
template <Scalar T>
Tensor operator/(T a, const Tensor& b) {
  return like(b, a) / b;
}
template <Scalar T>
Tensor maximum(const Tensor& a, T b) {
  return maximum(a, like(a, b));
}
template <Scalar T>
Tensor minimum(const Tensor& a, T b) {
  return minimum(a, like(a, b));
}
template <Scalar T>
Tensor pow(const Tensor& a, T b) {
  return pow(a, like(a, b));
}
template <Scalar T>
Tensor floor_div(const Tensor& a, T b) {
  return floor_div(a, like(a, b));
}
template <Scalar T>
Tensor mod(const Tensor& a, T b) {
  return mod(a, like(a, b));
}
template <Scalar T>
Tensor truncate_div(const Tensor& a, T b) {
  return truncate_div(a, like(a, b));
}
template <Scalar T>
Tensor truncate_mod(const Tensor& a, T b) {
  return truncate_mod(a, like(a, b));
}
template <Scalar T>
Tensor equal(const Tensor& a, T b) {
  return equal(a, like(a, b));
}
template <Scalar T>
Tensor not_equal(const Tensor& a, T b) {
  return not_equal(a, like(a, b));
}
template <Scalar T>
Tensor less(const Tensor& a, T b) {
  return less(a, like(a, b));
}
template <Scalar T>
Tensor less_equal(const Tensor& a, T b) {
  return less_equal(a, like(a, b));
}
template <Scalar T>
Tensor greater(const Tensor& a, T b) {
  return greater(a, like(a, b));
}
template <Scalar T>
Tensor greater_equal(const Tensor& a, T b) {
  return greater_equal(a, like(a, b));
}
template <Scalar T>
Tensor where(const Tensor& condition, const Tensor& a, T b) {
  return where(condition, a, like(a, b));
}
template <Scalar T>
Tensor where(const Tensor& condition, T a, const Tensor& b) {
  return where(condition, like(b, a), b);
}

}  // namespace crossload::tf

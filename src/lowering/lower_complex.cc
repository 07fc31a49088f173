// Complex numbers, and the Fourier transform.
#include <cmath>
#include <numeric>

#include "lowering/table.h"
#include "tf/ops.h"
#include "tf/simple_ops.h"

namespace crossload::lowering {
namespace {

using tf::DataType;
using tf::Dim;
using tf::Tensor;

Tensor real(const Tensor& x) { return x.dtype() == DataType::kComplex64 ? tf::unary("Real", x) : x; }
Tensor imaginary(const Tensor& x) { return tf::unary("Imag", x); }

Tensor complex(const Tensor& re, const Tensor& im) {
  const auto dims = tf::dims_of(re + im);  // TensorFlow's operation does not broadcast
  return re.graph().operation("Complex").input(tf::broadcast_to(re, dims)).input(tf::broadcast_to(im, dims)).output();
}

void add(Table* table, const std::string& name, Tensor (*f)(const Tensor&)) {
  table->add("aten." + name + ".default", [f](const Operation& op) -> Value { return f(op.tensor("self")); });
}

Tensor conjugate(const Tensor& x) { return x.dtype() == DataType::kComplex64 ? tf::unary("Conj", x) : x; }

/// Of real numbers 0, or pi of negative ones.
Tensor angle(const Tensor& x) {
  const Tensor of_numbers = real(x);
  return tf::atan2(x.dtype() == DataType::kComplex64 ? imaginary(x) : tf::zeros_like(x), of_numbers);
}

Tensor pairs(const Tensor& x) { return tf::stack({real(x), imaginary(x)}, -1); }
Tensor of_pairs(const Tensor& x) { return complex(tf::select(x, -1, 0), tf::select(x, -1, 1)); }

/// One axis of a transform: how many elements go in, none for all.
struct Axis {
  int axis;
  std::optional<Dim> length;
};

std::vector<int> last_moved(int rank, int axis) {
  std::vector<int> axes(static_cast<std::size_t>(rank));
  std::iota(axes.begin(), axes.end(), 0);
  std::swap(axes[static_cast<std::size_t>(axis)], axes.back());
  return axes;
}

/// x with so many elements of an axis: cut off, or zeros at the end.
Tensor of_length(const Tensor& x, int axis, const Dim& length) {
  const Dim size = tf::dims_of(x).at(static_cast<std::size_t>(axis));
  if (size.known() && length.known() && size.size() == length.size()) return x;
  const Tensor part = tf::slice(x, axis, std::nullopt, tf::minimum(size, length));
  if (size.known() && length.known() && size.size() > length.size()) return part;
  tf::Paddings paddings(static_cast<std::size_t>(x.rank()), {0, 0});
  paddings[static_cast<std::size_t>(axis)].second = tf::maximum(length - size, 0);
  const auto padded = [&](const Tensor& numbers) { return tf::pad(numbers, paddings); };
  if (x.dtype() != DataType::kComplex64) return padded(part);
  return complex(padded(real(part)), padded(imaginary(part)));
}

/// The factor that PyTorch's `norm` puts on a transform which sums so many elements, by where the other puts it.
Tensor normalized(const Operation& op, const Tensor& x, const Dim& count, bool is_inverse) {
  const std::string norm = op.has("norm") ? op.text("norm") : "backward";
  // TensorFlow divides the inverse by the number of elements, and the other by nothing: as "backward".
  if (norm == "backward") return x;
  const DataType dtype = DataType::kFloat;
  const Tensor elements = count.known() ? op.graph().constant(static_cast<float>(count.size()))
                                        : tf::cast(count.as_tensor(op.graph()), dtype);
  const Tensor part = norm == "ortho" ? tf::sqrt(elements) : elements;
  const Tensor factor = is_inverse ? part : tf::reciprocal(part);
  return x * (x.dtype() == dtype ? factor : tf::cast(factor, x.dtype()));
}

std::vector<Axis> axes_of(const Operation& op, const char* lengths) {
  const int rank = op.rank_of("self");
  const bool is_one = lengths == std::string("n");
  std::vector<Axis> axes;
  std::vector<std::int64_t> given;
  if (op.has("dim")) given = op.integers("dim");
  const tf::Dims sizes = op.has(lengths) ? op.dims(lengths) : tf::Dims();
  if (given.empty()) {
    const auto count = sizes.empty() ? rank : static_cast<int>(sizes.size());
    for (int i = rank - (is_one ? 1 : count); i < rank; ++i) given.push_back(i);
  }
  for (std::size_t i = 0; i < given.size(); ++i) {
    const auto axis = static_cast<int>(given[i] < 0 ? given[i] + rank : given[i]);
    const bool all = i >= sizes.size() || (sizes[i].known() && sizes[i].size() == -1);
    axes.push_back({axis, all ? std::nullopt : std::optional(sizes[i])});
  }
  return axes;
}

/// A transform of complex numbers along one axis.
Tensor transformed(const Operation& op, const Tensor& x, const Axis& along, bool is_inverse) {
  const Tensor cut = along.length ? of_length(x, along.axis, *along.length) : x;
  const Dim count = tf::dims_of(cut).at(static_cast<std::size_t>(along.axis));
  const Tensor numbers = cut.dtype() == DataType::kComplex64 ? cut : tf::cast(cut, DataType::kComplex64);
  const std::vector<int> order = last_moved(x.rank(), along.axis);
  const bool is_last = along.axis == x.rank() - 1;
  Tensor y = tf::unary(is_inverse ? "IFFT" : "FFT", is_last ? numbers : tf::transpose(numbers, order));
  if (!is_last) y = tf::transpose(y, order);
  return normalized(op, y, count, is_inverse);
}

/// From real numbers to half of their transform, or back, along one axis.
Tensor of_real(const Operation& op, const Tensor& x, const Axis& along, bool is_inverse) {
  const std::vector<int> order = last_moved(x.rank(), along.axis);
  const bool is_last = along.axis == x.rank() - 1;
  const Dim size = tf::dims_of(x).at(static_cast<std::size_t>(along.axis));
  const Dim count = along.length ? *along.length : is_inverse ? (size - 1) * 2 : size;
  Tensor numbers = is_inverse ? x : converted(x, DataType::kFloat);
  numbers = of_length(numbers, along.axis, is_inverse ? tf::floor_div(count, 2) + 1 : count);
  if (numbers.dtype() != DataType::kComplex64 && is_inverse) numbers = tf::cast(numbers, DataType::kComplex64);
  Tensor y = op.graph()
                 .operation(is_inverse ? "IRFFT" : "RFFT")
                 .input(is_last ? numbers : tf::transpose(numbers, order))
                 .input(tf::pack_dims(op.graph(), {count}))
                 .output();
  if (!is_last) y = tf::transpose(y, order);
  return normalized(op, y, count, is_inverse);
}

void add_transform(Table* table, const std::string& name, const char* lengths, bool is_inverse) {
  table->add("aten.fft_" + name + ".default", [=](const Operation& op) -> Value {
    Tensor x = op.tensor("self");
    for (const Axis& along : axes_of(op, lengths)) x = transformed(op, x, along, is_inverse);
    return x;
  });
}

/// The last axis of real numbers is transformed first, and back last.
void add_real_transform(Table* table, const std::string& name, const char* lengths, bool is_inverse) {
  table->add("aten.fft_" + name + ".default", [=](const Operation& op) -> Value {
    std::vector<Axis> axes = axes_of(op, lengths);
    const Axis last = axes.back();
    axes.pop_back();
    Tensor x = op.tensor("self");
    if (!is_inverse) x = of_real(op, x, last, false);
    for (const Axis& along : axes) x = transformed(op, x, along, is_inverse);
    return is_inverse ? of_real(op, x, last, true) : x;
  });
}

}  // namespace

void add_complex(Table* table) {
  table->add("aten.complex.default",
             [](const Operation& op) -> Value { return complex(op.tensor("real"), op.tensor("imag")); });
  table->add("aten.polar.default", [](const Operation& op) -> Value {
    const Tensor size = op.tensor("abs");
    const Tensor direction = op.tensor("angle");
    return complex(size * tf::cos(direction), size * tf::sin(direction));
  });
  add(table, "real", real);
  add(table, "imag", imaginary);
  add(table, "view_as_complex", of_pairs);
  add(table, "view_as_real", pairs);
  add(table, "angle", angle);
  for (const char* name : {"conj", "_conj", "conj_physical", "_conj_physical"}) add(table, name, conjugate);
  add(table, "resolve_conj", tf::identity);
  for (const bool is_inverse : {false, true}) {
    const std::string i = is_inverse ? "i" : "";
    add_transform(table, i + "fft", "n", is_inverse);
    add_transform(table, i + "fft2", "s", is_inverse);
    add_transform(table, i + "fftn", "s", is_inverse);
    add_real_transform(table, i + "rfft", "n", is_inverse);
    add_real_transform(table, i + "rfft2", "s", is_inverse);
    add_real_transform(table, i + "rfftn", "s", is_inverse);
  }
}

}  // namespace crossload::lowering

#include "faults/changes.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace crossload::faults {
namespace {

using tf::Tensor;

std::size_t row_size(const keras::Variable& variable) {
  return static_cast<std::size_t>(element_count(variable.shape) / variable.shape.front());
}

/// To the nearest number with so many bits, of those whose exponent is not below the smallest.
float rounded(float value, int bits, int smallest_exponent) {
  int exponent = 0;
  std::frexp(value, &exponent);
  const int step = std::max(exponent, smallest_exponent) - bits;
  return std::ldexp(std::nearbyint(std::ldexp(value, -step)), step);
}

}  // namespace

ChangeVariable only(const std::string& name, const ChangeVariable& change) {
  return [=](const Variables& variables, const keras::Variable& variable, std::span<float> out) {
    if (variable.name == name) change(variables, variable, out);
  };
}

ChangeVariable swapped(const std::string& one, const std::string& other) {
  return [=](const Variables& variables, const keras::Variable& variable, std::span<float> out) {
    for (const auto& [from, to] : {std::pair(one, other), std::pair(other, one)}) {
      if (!variable.name.starts_with(from)) continue;
      std::ranges::copy(variables.values(to + variable.name.substr(from.size())), out.begin());
    }
  };
}

ChangeVariable values_of(const std::string& other) {
  return [=](const Variables& variables, const keras::Variable& /*variable*/, std::span<float> out) {
    std::ranges::copy(variables.values(other), out.begin());
  };
}

ChangeVariable zeros() { return multiplied(0.0F); }

ChangeVariable multiplied(float factor) {
  return [=](const Variables& /*variables*/, const keras::Variable& /*variable*/, std::span<float> out) {
    for (float& value : out) value *= factor;
  };
}

ChangeVariable added(std::size_t element, float difference) {
  return [=](const Variables& /*variables*/, const keras::Variable& /*variable*/, std::span<float> out) {
    out[element] += difference;
  };
}

ChangeVariable transposed() {
  return [](const Variables& /*variables*/, const keras::Variable& variable, std::span<float> out) {
    const std::size_t rows = row_size(variable);
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < i; ++j) std::swap(out[i * rows + j], out[j * rows + i]);
    }
  };
}

ChangeVariable rows_moved_up() {
  return [](const Variables& /*variables*/, const keras::Variable& variable, std::span<float> out) {
    std::rotate(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(row_size(variable)), out.end());
  };
}

ChangeVariable row_from_the_next(std::size_t row) {
  return [=](const Variables& /*variables*/, const keras::Variable& variable, std::span<float> out) {
    const std::size_t size = row_size(variable);
    std::ranges::copy(out.subspan((row + 1) * size, size), out.begin() + static_cast<std::ptrdiff_t>(row * size));
  };
}

ChangeVariable rounded_to_float16() {
  return [](const Variables& /*variables*/, const keras::Variable& /*variable*/, std::span<float> out) {
    for (float& value : out) value = rounded(value, /*bits=*/11, /*smallest_exponent=*/-13);
  };
}

ChangeVariable rounded_to_bfloat16() {
  return [](const Variables& /*variables*/, const keras::Variable& /*variable*/, std::span<float> out) {
    for (float& value : out) value = rounded(value, /*bits=*/8, /*smallest_exponent=*/-125);
  };
}

ChangeVariable first_dimension_reversed() {
  return [](const Variables& /*variables*/, const keras::Variable& variable, std::span<float> out) {
    const std::size_t size = row_size(variable);
    const std::vector<float> right(out.begin(), out.end());
    for (std::size_t i = 0; i < right.size(); ++i) out[right.size() - size - i / size * size + i % size] = right[i];
  };
}

ChangeVariable height_and_width_exchanged() {
  return [](const Variables& /*variables*/, const keras::Variable& variable, std::span<float> out) {
    const auto height = static_cast<std::size_t>(variable.shape[0]);
    const auto width = static_cast<std::size_t>(variable.shape[1]);
    const std::size_t size = row_size(variable) / width;
    const std::vector<float> right(out.begin(), out.end());
    for (std::size_t i = 0; i < right.size(); ++i) {
      const std::size_t place = i / size;
      out[(place % width * height + place / width) * size + i % size] = right[i];
    }
  };
}

ChangeVariable columns_in_two_halves() {
  return [](const Variables& /*variables*/, const keras::Variable& variable, std::span<float> out) {
    const std::size_t size = row_size(variable);
    const std::vector<float> right(out.begin(), out.end());
    for (std::size_t i = 0; i < right.size(); ++i) {
      const std::size_t column = i % size;
      out[i - column + column / 2 + (column % 2 == 0 ? 0 : (size + 1) / 2)] = right[i];
    }
  };
}

Tensor first_input(const Made& made) { return made.input(0); }
Tensor second_input(const Made& made) { return made.input(1); }
Tensor third_input(const Made& made) { return made.input(2); }

ChangeOperation noted(int input, const std::string& name) {
  return [=](const Made& made) {
    made.kept->insert_or_assign(name, made.input(input));
    return made.tensor;
  };
}

ChangeOperation noted_and_replaced(int input, const std::string& name, int replacement) {
  return [=](const Made& made) {
    made.kept->insert_or_assign(name, made.input(input));
    return made.input(replacement);
  };
}

ChangeOperation replaced_by(const std::string& name) {
  return [=](const Made& made) { return made.kept->at(name); };
}

ChangeOperation plus(const std::string& name) {
  return [=](const Made& made) { return made.tensor + made.kept->at(name); };
}

ChangeOperation plus(double number) {
  return [=](const Made& made) { return made.tensor + number; };
}

ChangeOperation times(double number) {
  return [=](const Made& made) { return made.tensor * number; };
}

Tensor zeros_instead(const Made& made) { return tf::zeros_like(made.tensor); }
Tensor ones_instead(const Made& made) { return tf::ones_like(made.tensor); }
Tensor negative(const Made& made) { return -made.tensor; }

Tensor softmax_over_queries(const Made& made) {
  return tf::transpose(tf::softmax(tf::transpose(made.input(0), {0, 1, 3, 2})), {0, 1, 3, 2});
}

Tensor reshaped_instead(const Made& made) { return tf::reshape(made.input(0), tf::dims_of(made.tensor)); }

ChangeOperation selected(int axis, int index) {
  return [=](const Made& made) { return tf::select(made.input(0), axis, index); };
}

Tensor gelu_by_tanh(const Made& made) {
  const Tensor x = 2.0 * made.input(0);
  const double scale = std::numbers::sqrt2 * std::numbers::inv_sqrtpi;
  return 0.5 * x * (1.0 + tf::tanh(scale * (x + 0.044715 * x * x * x)));
}

Tensor one_later(const Made& made) { return tf::less_equal(made.input(0), made.input(1) + 1.0); }

ChangeOperation convolved(std::int64_t stride, std::int64_t before, std::int64_t after) {
  return [=](const Made& made) {
    return made.tensor.graph()
        .operation("Conv2D")
        .input(made.input(0))
        .input(made.input(1))
        .integers("strides", {1, 1, stride, 1})
        .text("padding", "EXPLICIT")
        .integers("explicit_paddings", {0, 0, 0, 0, before, after, 0, 0})
        .output();
  };
}

}  // namespace crossload::faults

// Functions of one tensor's elements.
#include <cmath>
#include <numbers>

#include "keras/activation.h"
#include "lowering/elementwise.h"
#include "lowering/table.h"
#include "tf/ops.h"
#include "tf/simple_ops.h"

namespace crossload::lowering {
namespace {

using tf::Tensor;

Tensor truncated(const Tensor& x) {
  if (!tf::is_floating(x.dtype())) return x;
  return tf::sign(x) * tf::floor(tf::abs(x));
}

Tensor hardsigmoid(const Tensor& x) { return tf::relu6(x + 3) * (1.0 / 6); }

Tensor gelu_tanh(const Tensor& x) {
  const double scale = std::numbers::sqrt2 * std::numbers::inv_sqrtpi;
  return 0.5 * x * (1.0 + tf::tanh(scale * (x + 0.044715 * (x * x * x))));
}

Tensor bitwise_not(const Tensor& x) {
  return x.dtype() == tf::DataType::kBool ? tf::logical_not(x) : x.graph().operation("Invert").input(x).output();
}

/// Where bool is an argument, PyTorch's function of numbers is not defined. LiteRT's Abs does not take int64.
Tensor absolute(const Tensor& x) {
  if (x.dtype() == tf::DataType::kBool) return x;
  return x.dtype() == tf::DataType::kInt64 ? tf::maximum(x, -x) : tf::abs(x);
}

/// Of complex numbers real ones.
Value absolute_of(const Operation& op) {
  if (op.forms("self").dtype() != tf::DataType::kComplex64) return map(op, absolute);
  return op.graph().operation("ComplexAbs").input(op.tensor("self")).output();
}

/// The slope of negative numbers is one, or one a channel.
Value prelu(const Operation& op) {
  const Tensor x = op.tensor("self");
  Tensor slope = op.tensor("weight");
  if (op.rank_of("self") > 2 && op.rank_of("weight") == 1) {
    tf::Dims dims(static_cast<std::size_t>(op.rank_of("self") - 1), 1);
    dims.front() = -1;
    slope = tf::reshape(slope, dims);
  }
  return tf::where(tf::greater(x, 0), x, slope * x);
}

/// That of NaN is 0.
Tensor sign(const Tensor& x) {
  if (x.dtype() == tf::DataType::kBool) return x;
  return tf::is_floating(x.dtype()) ? tf::where(tf::is_nan(x), 0, tf::sign(x)) : tf::sign(x);
}

void add(Table* table, const std::string& name, Tensor (*f)(const Tensor&)) {
  table->add("aten." + name + ".default", [f](const Operation& op) { return map(op, f); });
}

/// A bool of each element; the argument keeps its type.
void add_question(Table* table, const std::string& name, Tensor (*f)(const Tensor&)) {
  table->add("aten." + name + ".default", [f](const Operation& op) -> Value {
    const Tensor x = op.tensor("self");
    return f(tf::is_floating(x.dtype()) ? x : tf::cast(x, tf::DataType::kFloat));
  });
}

Value softplus(const Operation& op) {
  const double beta = op.number("beta");
  const double threshold = op.number("threshold");
  return map(op, [=](const Tensor& x) {
    const Tensor scaled = beta == 1 ? x : x * beta;
    const Tensor smooth = beta == 1 ? tf::softplus(scaled) : tf::softplus(scaled) * (1 / beta);
    return tf::where(tf::greater(scaled, threshold), x, smooth);
  });
}

Value elu(const Operation& op) {
  const double alpha = op.number("alpha");
  const double scale = op.number("scale");
  const double input_scale = op.number("input_scale");
  return map(op, [=](const Tensor& x) {
    const Tensor negative = tf::expm1(tf::minimum(x, 0) * input_scale) * alpha;
    return tf::where(tf::greater(x, 0), x, negative) * scale;
  });
}

Value gelu(const Operation& op) { return map(op, op.text("approximate") == "tanh" ? gelu_tanh : keras::gelu); }

Value glu(const Operation& op) {
  const std::vector<Tensor> halves = tf::split(op.tensor("self"), 2, op.axis("dim"));
  return halves[0] * tf::sigmoid(halves[1]);
}

/// Bounds that are numbers, sizes or tensors, or not there.
Value clamp(const Operation& op) {
  const auto bound = [&](const char* name, const char* other) {
    return op.has(name) ? name : op.has(other) ? other : nullptr;
  };
  const char* low = bound("min", "min_val");
  const char* high = bound("max", "max_val");
  return map(op, [&](Tensor x) {
    if (low != nullptr) x = tf::maximum(x, op.tensor(low, op.dtype()));
    if (high != nullptr) x = tf::minimum(x, op.tensor(high, op.dtype()));
    return x;
  });
}

Value rounded(const Operation& op) {
  const double scale = std::pow(10.0, op.number("decimals"));
  return map(op, [=](const Tensor& x) { return tf::round(x * scale) * (1 / scale); });
}

Value nan_to_num(const Operation& op) {
  const auto number = [&](const char* name, double otherwise) { return op.has(name) ? op.number(name) : otherwise; };
  return map(op, [&](const Tensor& x) {
    if (!tf::is_floating(x.dtype())) return x;
    const double low = tf::lowest(x.dtype());
    const Tensor finite = tf::where(tf::is_nan(x), number("nan", 0), x);
    const Tensor above = tf::logical_and(tf::is_inf(finite), tf::greater(finite, 0));
    const Tensor below = tf::logical_and(tf::is_inf(finite), tf::less(finite, 0));
    return tf::where(above, number("posinf", -low), tf::where(below, number("neginf", low), finite));
  });
}

}  // namespace

void add_elementwise(Table* table) {
  table->add("aten.abs.default", absolute_of);
  add(table, "acos", tf::acos);
  add(table, "asin", tf::asin);
  add(table, "atan", tf::atan);
  add(table, "acosh", [](const Tensor& x) { return tf::unary("Acosh", x); });
  add(table, "asinh", [](const Tensor& x) { return tf::unary("Asinh", x); });
  add(table, "atanh", [](const Tensor& x) { return tf::unary("Atanh", x); });
  add(table, "lgamma", [](const Tensor& x) { return tf::unary("Lgamma", x); });
  add(table, "erfc", [](const Tensor& x) { return tf::unary("Erfc", x); });
  add(table, "erfinv", [](const Tensor& x) { return tf::unary("Erfinv", x); });
  add(table, "bitwise_not", bitwise_not);
  add(table, "cos", tf::cos);
  add(table, "cosh", tf::cosh);
  add(table, "erf", tf::erf);
  add(table, "exp", tf::exp);
  add(table, "exp2", [](const Tensor& x) { return tf::exp(x * std::numbers::ln2); });
  add(table, "expm1", tf::expm1);
  add(table, "hardsigmoid", hardsigmoid);
  add(table, "hardswish", [](const Tensor& x) { return x * tf::relu6(x + 3) * (1.0 / 6); });
  add(table, "log", tf::log);
  add(table, "log10", [](const Tensor& x) { return tf::log(x) * (1 / std::numbers::ln10); });
  add(table, "log1p", tf::log1p);
  add(table, "log2", [](const Tensor& x) { return tf::log(x) * (1 / std::numbers::ln2); });
  add(table, "log_sigmoid", [](const Tensor& x) { return -tf::softplus(-x); });
  add(table, "mish", [](const Tensor& x) { return x * tf::tanh(tf::softplus(x)); });
  add(table, "neg", [](const Tensor& x) { return -x; });
  add(table, "reciprocal", tf::reciprocal);
  add(table, "relu", tf::relu);
  add(table, "relu6", tf::relu6);
  add(table, "rsqrt", tf::rsqrt);
  add(table, "selu", tf::selu);
  add(table, "sigmoid", tf::sigmoid);
  add(table, "sign", sign);
  add(table, "silu", [](const Tensor& x) { return x * tf::sigmoid(x); });
  add(table, "sin", tf::sin);
  add(table, "sinh", tf::sinh);
  add(table, "softsign", tf::softsign);
  add(table, "sqrt", tf::sqrt);
  add(table, "square", tf::square);
  add(table, "tan", tf::tan);
  add(table, "tanh", tf::tanh);
  add(table, "trunc", truncated);
  add(table, "frac", [](const Tensor& x) { return x - truncated(x); });
  add(table, "deg2rad", [](const Tensor& x) { return x * (std::numbers::pi / 180); });
  add(table, "rad2deg", [](const Tensor& x) { return x * (180 / std::numbers::pi); });
  add(table, "sinc", [](const Tensor& x) {
    const Tensor angle = x * std::numbers::pi;
    return tf::where(tf::equal(x, 0), 1, tf::sin(angle) / tf::where(tf::equal(x, 0), 1, angle));
  });
  add(table, "ceil", [](const Tensor& x) { return tf::is_floating(x.dtype()) ? tf::ceil(x) : x; });
  add(table, "floor", [](const Tensor& x) { return tf::is_floating(x.dtype()) ? tf::floor(x) : x; });
  add(table, "round", [](const Tensor& x) { return tf::is_floating(x.dtype()) ? tf::round(x) : x; });
  add_question(table, "isnan", tf::is_nan);
  add_question(table, "isinf", tf::is_inf);
  add_question(table, "isfinite", tf::is_finite);
  table->add("aten.round.decimals", rounded);
  table->add("aten.logical_not.default",
             [](const Operation& op) -> Value { return tf::logical_not(op.tensor("self", tf::DataType::kBool)); });
  table->add_each(
      {"aten._to_copy.default", "aten.to.dtype", "aten.to.dtype_layout", "aten.to.device", "aten.type_as.default"},
      [](const Operation& op) {
        if (op.forms("self").dtype() == op.dtype()) return op.value("self");
        return map(op, [](const Tensor& x) { return x; });
      });
  table->add("aten.logit.default", [](const Operation& op) {
    return map(op, [&](const Tensor& x) {
      if (!op.has("eps")) return tf::log(x / (1 - x));
      const double low = op.number("eps");
      const Tensor inside = tf::minimum(tf::maximum(x, low), 1 - low);
      return tf::log(inside / (1 - inside));
    });
  });
  for (const bool is_positive : {true, false}) {
    table->add(is_positive ? "aten.isposinf.default" : "aten.isneginf.default", [=](const Operation& op) -> Value {
      const Tensor x = op.tensor("self", tf::DataType::kFloat);
      return tf::logical_and(tf::is_inf(x), is_positive ? tf::greater(x, 0) : tf::less(x, 0));
    });
  }
  table->add_each({"aten.threshold.default"}, [](const Operation& op) {
    const double limit = op.number("threshold");
    return map(op,
               [&](const Tensor& x) { return tf::where(tf::greater(x, limit), x, op.tensor("value", op.dtype())); });
  });
  for (const bool is_hard : {true, false}) {
    table->add(is_hard ? "aten.hardshrink.default" : "aten.softshrink.default", [=](const Operation& op) {
      const double limit = op.number("lambd");
      return map(op, [=](const Tensor& x) {
        const Tensor is_inside = tf::less_equal(tf::abs(x), limit);
        return tf::where(is_inside, 0 * x, is_hard ? x : x - tf::sign(x) * limit);
      });
    });
  }
  table->add("aten.softplus.default", softplus);
  table->add("aten.elu.default", elu);
  table->add("aten.celu.default", [](const Operation& op) {
    const double alpha = op.number("alpha");
    return map(op,
               [=](const Tensor& x) { return tf::maximum(x, 0) + tf::minimum(tf::expm1(x * (1 / alpha)) * alpha, 0); });
  });
  table->add("aten.leaky_relu.default", [](const Operation& op) {
    const double slope = op.number("negative_slope");
    return map(op, [=](const Tensor& x) { return tf::leaky_relu(x, slope); });
  });
  table->add("aten.gelu.default", gelu);
  table->add_each({"aten.prelu.default", "aten._prelu_kernel.default"}, prelu);
  table->add("aten.glu.default", glu);
  table->add_each(
      {"aten.clamp.default", "aten.clamp.Tensor", "aten.clip.default", "aten.clip.Tensor", "aten.clamp_min.default",
       "aten.clamp_min.Tensor", "aten.clamp_max.default", "aten.clamp_max.Tensor", "aten.hardtanh.default"},
      clamp);
  table->add("aten.nan_to_num.default", nan_to_num);
}

}  // namespace crossload::lowering

#include "keras/activation.h"

#include <map>
#include <numbers>

#include "crossload/error.h"
#include "tf/ops.h"

namespace crossload::keras {

using tf::Tensor;

Tensor gelu(const Tensor& x) { return 0.5 * x * (1.0 + tf::erf(x * (1.0 / std::numbers::sqrt2))); }

namespace {

const double kSqrtTwoOverPi = std::numbers::sqrt2 * std::numbers::inv_sqrtpi;

/// The approximation of Google's BERT and of GPT-2: gelu_new, gelu_fast, gelu_pytorch_tanh and gelu_accurate are it,
/// written in four ways that differ by rounding alone.
Tensor gelu_tanh(const Tensor& x) { return 0.5 * x * (1.0 + tf::tanh(kSqrtTwoOverPi * (x + 0.044715 * x * x * x))); }

Tensor gelu_10(const Tensor& x) { return tf::clip(gelu(x), -10.0, 10.0); }

Tensor laplace(const Tensor& x) {
  constexpr double kMu = 0.707107;
  constexpr double kSigma = 0.282095;
  return 0.5 * (1.0 + tf::erf((x - kMu) / (kSigma * std::numbers::sqrt2)));
}

Tensor leaky_relu(const Tensor& x) { return tf::leaky_relu(x, 0.01); }
Tensor linear(const Tensor& x) { return x; }
Tensor mish(const Tensor& x) { return x * tf::tanh(tf::softplus(x)); }
Tensor quick_gelu(const Tensor& x) { return x * tf::sigmoid(1.702 * x); }
Tensor relu2(const Tensor& x) { return tf::square(tf::relu(x)); }
Tensor silu(const Tensor& x) { return x * tf::sigmoid(x); }

using Function = Tensor (*)(const Tensor&);

const std::map<std::string, Function>& table() {
  static const std::map<std::string, Function> functions = {
      {"gelu", gelu},
      {"gelu_10", gelu_10},
      {"gelu_accurate", gelu_tanh},
      {"gelu_fast", gelu_tanh},
      {"gelu_new", gelu_tanh},
      {"gelu_python", gelu},
      {"gelu_python_tanh", gelu_tanh},
      {"gelu_pytorch_tanh", gelu_tanh},
      {"laplace", laplace},
      {"leaky_relu", leaky_relu},
      {"linear", linear},
      {"mish", mish},
      {"quick_gelu", quick_gelu},
      {"relu", tf::relu},
      {"relu2", relu2},
      {"relu6", tf::relu6},
      {"sigmoid", tf::sigmoid},
      {"silu", silu},
      {"swish", silu},
      {"tanh", tf::tanh},
  };
  return functions;
}

Function find(const std::string& name, const std::string& where) {
  const auto entry = table().find(name);
  if (entry != table().end()) return entry->second;
  std::string known;
  for (const std::string& other : Activation::names()) known += (known.empty() ? "" : ", ") + other;
  throw Error(ErrorKind::kUnsupported,
              where + ": the activation \"" + name + "\" is not known; supported are " + known);
}

}  // namespace

Function activation(const std::string& name) { return find(name, "config.json"); }

Activation::Activation(const Scope& scope, const std::string& name)
    : Module(scope), function_(find(name, scope.path())) {}

std::vector<std::string> Activation::names() {
  std::vector<std::string> names;
  for (const auto& [name, function] : table()) names.push_back(name);
  return names;
}

}  // namespace crossload::keras

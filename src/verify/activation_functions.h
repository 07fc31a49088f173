// The functions that models put between their layers, in double precision, as hints compare them.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "verify/hint_patterns.h"

namespace crossload::verify {

struct ActivationFunction {
  const char* name;
  double (*value)(double);
};

inline double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

inline constexpr ActivationFunction kFunctions[] = {
    {"gelu", [](double x) { return 0.5 * x * (1 + std::erf(x / std::numbers::sqrt2)); }},
    {"gelu_new (the approximation by tanh)",
     [](double x) {
       return 0.5 * x * (1 + std::tanh(std::numbers::sqrt2 * std::numbers::inv_sqrtpi * (x + 0.044715 * x * x * x)));
     }},
    {"quick_gelu", [](double x) { return x * sigmoid(1.702 * x); }},
    {"relu", [](double x) { return std::max(x, 0.0); }},
    {"silu", [](double x) { return x * sigmoid(x); }},
    {"tanh", [](double x) { return std::tanh(x); }},
    {"sigmoid", [](double x) { return sigmoid(x); }},
    {"relu2", [](double x) { return x > 0 ? x * x : 0; }},
    {"leaky_relu", [](double x) { return x > 0 ? x : 0.01 * x; }},
    {"elu", [](double x) { return x > 0 ? x : std::expm1(x); }},
    {"softplus", [](double x) { return x > 20 ? x : std::log1p(std::exp(x)); }},
    {"mish", [](double x) { return x * std::tanh(x > 20 ? x : std::log1p(std::exp(x))); }},
    {"no function", [](double x) { return x; }},
};

inline std::vector<double> applied(const ActivationFunction& function, const Numbers& x) {
  std::vector<double> result = doubles(x);
  for (double& value : result) value = function.value(value);
  return result;
}

}  // namespace crossload::verify

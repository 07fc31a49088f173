#include "verify/hints.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <limits>

#include "verify/hint_patterns.h"

namespace crossload::verify {
namespace {

using Pattern = std::string (*)(const OffTensor&);

/// From the most specific to what many faults look like.
constexpr Pattern kPatterns[] = {
    hint_not_finite,  hint_softmax_axis, hint_mask,       hint_score_scale, hint_embedding, hint_position, hint_slices,
    hint_axes,        hint_norm,         hint_batch_norm, hint_activation,  hint_dropout,   hint_scale,    hint_dtype,
    hint_other_stage, hint_bias,         hint_linear,     hint_added_stage, hint_borders,
};

constexpr Pattern kPatternsOfShapes[] = {hint_axes, hint_broadcast};

/// Longer tensors have enough of everything; their first elements are not looked through for minutes.
constexpr std::size_t kElements = std::size_t{1} << 25;

bool is_off(const Numbers& tf, const Numbers& pt) {
  if (tf.shape != pt.shape) return true;
  for (std::size_t i = 0; i < tf.values.size(); ++i) {
    const double a = tf.values[i];
    const double b = pt.values[i];
    if (std::isnan(a) != std::isnan(b) || std::abs(a - b) > 1e-5) return true;
  }
  return false;
}

bool are_probabilities(const Numbers& numbers) {
  return numbers.shape.size() == 4 && std::all_of(numbers.values.begin(), numbers.values.end(),
                                                  [](float value) { return value >= 0 && value <= 1.001F; });
}

std::string hint_of(const OffTensor& off) {
  if (off.tf.shape != off.pt.shape) {
    for (const Pattern pattern : kPatternsOfShapes) {
      if (std::string text = pattern(off); !text.empty()) return text;
    }
    return "";
  }
  for (const Pattern pattern : kPatterns) {
    if (std::string text = pattern(off); !text.empty()) return text;
  }
  return "";
}

}  // namespace

std::string hint_of_probabilities(const Suspect& suspect) {
  const std::size_t count = std::min(suspect.tensorflow.size(), suspect.pytorch.size());
  for (std::size_t i = 0; i < count; ++i) {
    const OffTensor off{suspect, suspect.tensorflow[i], suspect.pytorch[i]};
    if (off.tf.shape != off.pt.shape || off.pt.values.size() > kElements || !are_probabilities(off.pt)) continue;
    for (const Pattern pattern : {hint_softmax_axis, hint_mask, hint_score_scale}) {
      if (std::string text = pattern(off); !text.empty()) return text;
    }
  }
  return "";
}

std::string hint(const Suspect& suspect) {
  std::vector<std::size_t> order;
  const std::size_t count = std::min(suspect.tensorflow.size(), suspect.pytorch.size());
  for (std::size_t i = 0; i < count; ++i) {
    if (suspect.pytorch[i].values.size() <= kElements && is_off(suspect.tensorflow[i], suspect.pytorch[i])) {
      order.push_back(i);
    }
  }
  // An attention's probabilities say more than the context that is computed from them.
  std::stable_partition(order.begin(), order.end(),
                        [&](std::size_t i) { return are_probabilities(suspect.pytorch[i]); });
  for (const std::size_t i : order) {
    std::string text = hint_of({suspect, suspect.tensorflow[i], suspect.pytorch[i]});
    if (!text.empty()) return text;
  }
  return "";
}

bool explains(const std::vector<double>& candidate, const Numbers& tf, const Numbers& pt) {
  if (candidate.size() != tf.values.size()) return false;
  double worst = 0;
  double worst_left = 0;
  double largest = 0;
  double sum = 0;
  double sum_left = 0;
  for (std::size_t i = 0; i < candidate.size(); ++i) {
    const double a = tf.values[i];
    const double difference = std::abs(a - pt.values[i]);
    const double left = std::abs(a - candidate[i]);
    if (!std::isfinite(left) || !std::isfinite(difference)) return false;
    worst = std::max(worst, difference);
    worst_left = std::max(worst_left, left);
    largest = std::max(largest, std::abs(a));
    sum += difference * difference;
    sum_left += left * left;
  }
  return worst > 0 && worst_left <= 0.1 * worst && sum_left <= 0.01 * sum && worst_left <= 1e-3 * largest + 1e-5;
}

std::vector<double> doubles(const Numbers& numbers) { return {numbers.values.begin(), numbers.values.end()}; }

std::string spelled(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.4g", value);
  return text;
}

std::string index_of(std::size_t element, const Shape& shape) {
  Shape index(shape.size());
  for (std::size_t i = shape.size(); i-- > 0;) {
    index[i] = static_cast<std::int64_t>(element) % shape[i];
    element /= static_cast<std::size_t>(shape[i]);
  }
  return to_string(index);
}

std::string named_factor(double factor, const Suspect& suspect) {
  const auto is = [&](double value) { return std::abs(factor - value) <= 2e-4 * std::abs(value); };
  std::vector<std::pair<std::string, double>> sizes;
  double hidden = 0;
  double heads = 0;
  for (const auto& [name, value] : suspect.numbers) {
    if (value <= 1) continue;
    if (name == "hidden_size" || name == "d_model" || name == "dim") hidden = value;
    if (name.find("heads") != std::string::npos) heads = value;
    for (const char* known :
         {"hidden_size", "d_model", "dim", "d_kv", "embedding_size", "head_dim", "num_layers", "num_hidden_layers"}) {
      if (name == known) sizes.emplace_back(name, value);
    }
    if (name.find("heads") != std::string::npos || name.find("logit_scale") != std::string::npos) {
      sizes.emplace_back(name, value);
    }
  }
  if (hidden > 0 && heads > 0) sizes.insert(sizes.begin(), {"the size of a head", hidden / heads});
  for (const auto& [name, value] : sizes) {
    const std::string number = spelled(value);
    for (const auto& [spelling, result] : {std::pair("sqrt(" + number + ")", std::sqrt(value)),
                                           std::pair("1/sqrt(" + number + ")", 1 / std::sqrt(value)),
                                           std::pair(number, value), std::pair("1/" + number, 1 / value)}) {
      if (is(result)) return " (" + spelling + ", " + name + " being " + number + ")";
    }
  }
  for (const auto& [name, value] : suspect.numbers) {
    if (name.find("drop") == std::string::npos || value <= 0 || value >= 1) continue;
    if (is(1 / (1 - value))) return " (1/(1 - " + name + "))";
    if (is(1 - value)) return " (1 - " + name + ")";
  }
  return "";
}

float rounded_to_bfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return std::bit_cast<float>((bits + 0x7fffU + ((bits >> 16U) & 1U)) & 0xffff0000U);
}

float rounded_to_float16(float value) {
  const double magnitude = std::abs(static_cast<double>(value));
  if (!(magnitude < 65520)) return std::copysign(std::numeric_limits<float>::infinity(), value);
  if (magnitude == 0) return value;
  const int exponent = std::max(std::ilogb(magnitude), -14);
  return static_cast<float>(
      std::ldexp(std::nearbyint(std::ldexp(static_cast<double>(value), 10 - exponent)), exponent - 10));
}

}  // namespace crossload::verify

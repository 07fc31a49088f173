// The patterns of hints.h, and the arithmetic that they share.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "verify/hints.h"

namespace crossload::verify {

/// One tensor of the suspect that is off, of equal shapes on both sides unless it is said.
struct OffTensor {
  const Suspect& suspect;
  const Numbers& tf;
  const Numbers& pt;
};

/// True when `candidate` is TensorFlow's tensor but for a tenth of its distance from PyTorch's, at the worst element
/// and on average, and but for a thousandth of its largest element.
bool explains(const std::vector<double>& candidate, const Numbers& tf, const Numbers& pt);
/// The same of a computation that ought to give PyTorch's.
inline bool reproduces_pytorch(const std::vector<double>& candidate, const Numbers& tf, const Numbers& pt) {
  return explains(candidate, pt, tf);
}

/// Equal but for rounding.
inline bool same(double a, double b) {
  const double distance = a < b ? b - a : a - b;
  return distance <= 1e-5 + 1e-5 * (b < 0 ? -b : b);
}

inline bool holds(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }
/// Of the last axis; 1 for a scalar.
inline std::size_t last_size(const Numbers& numbers) {
  return numbers.shape.empty() ? 1 : static_cast<std::size_t>(numbers.shape.back());
}
std::vector<double> doubles(const Numbers& numbers);
/// "0.125", four digits.
std::string spelled(double value);
/// "[0, 2]", of an element.
std::string index_of(std::size_t element, const Shape& shape);
/// " (1/sqrt(64), the size of a head)" when the configuration has a number that makes the factor; else nothing.
std::string named_factor(double factor, const Suspect& suspect);
/// The elements rounded to a narrower type.
float rounded_to_float16(float value);
float rounded_to_bfloat16(float value);

// Each gives a sentence, or nothing.
std::string hint_not_finite(const OffTensor& off);
std::string hint_axes(const OffTensor& off);       // shapes may differ
std::string hint_broadcast(const OffTensor& off);  // shapes differ
std::string hint_slices(const OffTensor& off);
std::string hint_other_stage(const OffTensor& off);
std::string hint_scale(const OffTensor& off);
std::string hint_dropout(const OffTensor& off);
std::string hint_dtype(const OffTensor& off);
std::string hint_bias(const OffTensor& off);
std::string hint_added_stage(const OffTensor& off);
std::string hint_borders(const OffTensor& off);
std::string hint_norm(const OffTensor& off);
std::string hint_batch_norm(const OffTensor& off);
std::string hint_position(const OffTensor& off);
std::string hint_activation(const OffTensor& off);
std::string hint_linear(const OffTensor& off);
std::string hint_embedding(const OffTensor& off);
std::string hint_softmax_axis(const OffTensor& off);
std::string hint_mask(const OffTensor& off);
std::string hint_score_scale(const OffTensor& off);

}  // namespace crossload::verify

#include "verify/comparison.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "tensor/layout.h"

namespace crossload::verify {
namespace {

double element(const TensorView& view, std::size_t index) {
  const std::byte* at = view.bytes.data() + index * size_of(view.dtype);
  if (view.dtype == DType::kF64) {
    double value = 0;
    std::memcpy(&value, at, sizeof(value));
    return value;
  }
  float value = 0;
  widen_to_float32(view.dtype, at, 1, &value);
  return static_cast<double>(value);
}

/// Equal infinities and two NaNs agree; one alone is infinitely wrong.
double distance(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) {
    return std::isnan(a) && std::isnan(b) ? 0 : std::numeric_limits<double>::infinity();
  }
  return a == b ? 0 : std::abs(a - b);
}

Shape index_of(std::size_t offset, const Shape& shape) {
  Shape index(shape.size(), 0);
  auto rest = static_cast<std::int64_t>(offset);
  for (std::size_t i = shape.size(); i-- > 0;) {
    index[i] = rest % shape[i];
    rest /= shape[i];
  }
  return index;
}

}  // namespace

bool Comparison::kept_agrees(double absolute) const { return shape_mismatch.empty() && kept.excess <= absolute; }

bool Comparison::padded_agrees(double absolute) const {
  if (!has_padded || padded.excess <= absolute) return true;
  return has_float64 && padded.tf_to_float64 <= 2 * std::max(padded.pt_to_float64, padded.noise);
}

Comparison compare(const Shape& shape, std::span<const float> tf, const Reference& reference,
                   const std::vector<bool>& kept, double relative_tolerance) {
  Comparison result;
  const TensorView& pt = *reference.float32;
  if (shape != pt.shape) {
    result.shape_mismatch = "TensorFlow " + to_string(shape) + ", PyTorch " + to_string(pt.shape);
    result.kept.tf_to_pt = std::numeric_limits<double>::infinity();
    result.kept.excess = result.kept.tf_to_pt;
    return result;
  }
  result.has_float64 = reference.float64 != nullptr && reference.float64->shape == shape;
  const bool has_noise = reference.noise != nullptr && reference.noise->shape == shape;
  double largest = 0;
  double worst_kept = -1;
  double worst_padded = -1;
  std::size_t worst_at = 0;
  std::size_t worst_padded_at = 0;
  for (std::size_t i = 0; i < tf.size(); ++i) {
    const bool is_kept = kept.empty() || kept[i];
    Distances& distances = is_kept ? result.kept : result.padded;
    const double tf_value = static_cast<double>(tf[i]);
    const double pt_value = element(pt, i);
    const double error = distance(tf_value, pt_value);
    const double allowed = std::isfinite(pt_value) ? relative_tolerance * std::abs(pt_value) : 0;
    const double excess = error - allowed;
    distances.tf_to_pt = std::max(distances.tf_to_pt, error);
    distances.excess = std::max(distances.excess, excess);
    if (result.has_float64) {
      const double truth = element(*reference.float64, i);
      distances.tf_to_float64 = std::max(distances.tf_to_float64, distance(tf_value, truth));
      distances.pt_to_float64 = std::max(distances.pt_to_float64, distance(pt_value, truth));
    }
    if (has_noise) distances.noise = std::max(distances.noise, element(*reference.noise, i));
    if (is_kept && std::isfinite(pt_value)) largest = std::max(largest, std::abs(pt_value));
    result.has_padded = result.has_padded || !is_kept;
    double& worst = is_kept ? worst_kept : worst_padded;
    if (excess > worst) {
      worst = excess;
      (is_kept ? worst_at : worst_padded_at) = i;
    }
  }
  result.relative = largest > 0 ? result.kept.tf_to_pt / largest : result.kept.tf_to_pt;
  if (!tf.empty()) {
    const std::size_t at = !result.has_padded || worst_kept > -1 ? worst_at : worst_padded_at;
    result.worst_index = index_of(at, shape);
    result.worst_tf = static_cast<double>(tf[at]);
    result.worst_pt = element(pt, at);
  }
  return result;
}

}  // namespace crossload::verify

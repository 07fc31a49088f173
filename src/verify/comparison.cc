#include "verify/comparison.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "tensor/integers.h"
#include "tensor/layout.h"

namespace crossload::verify {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double element(const tensor::TensorView& view, std::size_t index) {
  const std::byte* at = view.bytes.data() + index * size_of(view.dtype);
  if (view.dtype == DType::kF64) {
    double value = 0;
    std::memcpy(&value, at, sizeof(value));
    return value;
  }
  float value = 0;
  tensor::widen_to_float32(view.dtype, at, 1, &value);
  return static_cast<double>(value);
}

/// Equal infinities and two NaNs agree; one alone is infinitely wrong.
double distance(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b) ? 0 : kInfinity;
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

std::size_t row_size(const Shape& shape, NoisePool pool) {
  std::int64_t size = 1;
  for (std::size_t i = shape.size(); i-- > 0 && (pool == NoisePool::kTensor || size < kSmallestRow);) size *= shape[i];
  return static_cast<std::size_t>(std::max<std::int64_t>(size, 1));
}

NumberKind kind_of(DType dtype) {
  if (is_floating(dtype)) return NumberKind::kFloating;
  return dtype == DType::kBool ? NumberKind::kBoolean : NumberKind::kInteger;
}

const char* name_of(NumberKind kind) {
  switch (kind) {
    case NumberKind::kFloating:
      return "floating numbers";
    case NumberKind::kInteger:
      return "integers";
    default:
      return "booleans";
  }
}

std::string mismatch_of(const Values& tf, const tensor::TensorView& pt) {
  if (tf.kind != kind_of(pt.dtype)) {
    return std::string("TensorFlow ") + name_of(tf.kind) + ", PyTorch " + name_of(kind_of(pt.dtype));
  }
  if (tf.shape != pt.shape) return "TensorFlow " + to_string(tf.shape) + ", PyTorch " + to_string(pt.shape);
  return "";
}

void compare_integers(const Values& tf, const tensor::TensorView& pt, Comparison* result) {
  result->exact = true;
  const std::size_t size = size_of(pt.dtype);
  for (std::size_t i = 0; i < tf.integers.size(); ++i) {
    const std::int64_t expected = tensor::integer_at(pt.dtype, pt.bytes.data() + i * size);
    const double error = std::abs(static_cast<double>(tf.integers[i]) - static_cast<double>(expected));
    if (tf.integers[i] == expected || error < result->kept.tf_to_pt) continue;
    result->verdict = Verdict::kDisagrees;
    result->kept.tf_to_pt = std::max(error, 1.0);
    result->worst_index = index_of(i, tf.shape);
    result->worst_tf = static_cast<double>(tf.integers[i]);
    result->worst_pt = static_cast<double>(expected);
  }
  result->kept.excess = result->kept.tf_to_pt;
}

/// Compares floating tensors of one shape.
class FloatComparison {
 public:
  FloatComparison(const Values& tf, const Reference& reference, const std::vector<bool>& kept, const Rule& rule)
      : tf_(tf), reference_(reference), kept_(kept), rule_(rule), row_(row_size(tf.shape, rule.pool)) {
    const auto fits = [&](const tensor::TensorView* view) { return view != nullptr && view->shape == tf.shape; };
    result_.has_float64 = fits(reference.float64);
    has_noise_ = fits(reference.noise);
  }

  Comparison run() {
    std::size_t begin = 0;
    for (const std::size_t end : ends_of_pools()) {
      compare_pool(begin, end);
      begin = end;
    }
    result_.relative = largest_ > 0 ? result_.kept.tf_to_pt / largest_ : result_.kept.tf_to_pt;
    if (!tf_.elements.empty()) {
      result_.worst_index = index_of(worst_at_, tf_.shape);
      result_.worst_tf = static_cast<double>(tf_.elements[worst_at_]);
      result_.worst_pt = element(*reference_.values, worst_at_);
      result_.worst_is_padded = !is_kept(worst_at_);
    }
    return std::move(result_);
  }

 private:
  bool is_kept(std::size_t i) const { return kept_.empty() || kept_[i]; }

  bool is_mask(std::size_t i) const { return std::abs(element(*reference_.values, i)) >= kMask; }

  double to_float64(double value, std::size_t i) const {
    return result_.has_float64 ? distance(value, element(*reference_.float64, i)) : kInfinity;
  }

  /// How far rounding takes PyTorch at an element: the shaken runs, or the plain one where there are none; infinity where
  /// that is unknown, as where a mask's smallest number is another in float64.
  double noise_of(std::size_t i) const {
    if (!result_.has_float64 || !std::isfinite(element(*reference_.values, i))) return kInfinity;
    const double off = has_noise_ ? element(*reference_.noise, i) : to_float64(element(*reference_.values, i), i);
    return off < std::numeric_limits<float>::max() ? off : kInfinity;
  }

  /// Rows of which too few elements tell of noise are joined with those that follow; the last, with those before.
  std::vector<std::size_t> ends_of_pools() const {
    const std::size_t size = tf_.elements.size();
    std::vector<std::size_t> ends;
    std::int64_t known = 0;
    for (std::size_t begin = 0; begin < size; begin += row_) {
      const std::size_t end = std::min(begin + row_, size);
      for (std::size_t i = begin; i < end; ++i) known += std::isfinite(noise_of(i)) && !is_mask(i) ? 1 : 0;
      if (known < kSmallestRow) continue;
      ends.push_back(end);
      known = 0;
    }
    if (ends.empty()) ends.push_back(size);
    ends.back() = size;
    return ends;
  }

  void compare_pool(std::size_t begin, std::size_t end) {
    double noise[2][2] = {{0, 0}, {0, 0}};
    for (std::size_t i = begin; result_.has_float64 && i < end; ++i) {
      const double off = noise_of(i);
      Distances& distances = is_kept(i) ? result_.kept : result_.padded;
      distances.pt_to_float64 = std::max(distances.pt_to_float64, to_float64(element(*reference_.values, i), i));
      if (!std::isfinite(off)) continue;
      if (has_noise_ && !is_mask(i)) distances.noise = std::max(distances.noise, off);
      double& pool = noise[is_kept(i) ? 0 : 1][is_mask(i) ? 1 : 0];
      pool = std::max(pool, off);
    }
    for (std::size_t i = begin; i < end; ++i) compare_element(i, noise[is_kept(i) ? 0 : 1][is_mask(i) ? 1 : 0]);
  }

  void add_size(double size) {
    largest_ = std::max(largest_, size);
    if (size < kMask) result_.largest_number = std::max(result_.largest_number, size);
  }

  void compare_element(std::size_t i, double noise) {
    const bool kept = is_kept(i);
    Distances& distances = kept ? result_.kept : result_.padded;
    const double tf = static_cast<double>(tf_.elements[i]);
    const double pt = element(*reference_.values, i);
    const double error = distance(tf, pt);
    const double excess = error - (std::isfinite(pt) ? rule_.relative * std::abs(pt) : 0);
    const double off = to_float64(tf, i);
    distances.tf_to_pt = std::max(distances.tf_to_pt, error);
    distances.excess = std::max(distances.excess, excess);
    if (result_.has_float64) distances.tf_to_float64 = std::max(distances.tf_to_float64, off);
    if (kept) ++result_.kept_elements;
    if (kept && !std::isfinite(pt) && error == 0) ++result_.not_finite;
    if (kept && std::isfinite(pt)) add_size(std::abs(pt));
    result_.has_padded = result_.has_padded || !kept;
    if (!kept && !rule_.excluded_count) return;
    Verdict verdict = Verdict::kAgrees;
    if (error > rule_.absolute) {
      double ratio = 0;
      if (excess > rule_.absolute) {
        const double further = std::max(off, to_float64(pt, i));
        ratio = std::isfinite(error) && noise > 0 ? further / noise : kInfinity;
        result_.noise_ratio = std::max(result_.noise_ratio, ratio);
      }
      verdict = ratio > rule_.noise_multiple || rule_.strict ? Verdict::kDisagrees : Verdict::kRounding;
    }
    const bool first = worst_error_ < 0;
    if (first || verdict > result_.verdict || (verdict == result_.verdict && error > worst_error_)) {
      worst_at_ = i;
      worst_error_ = error;
    }
    result_.verdict = std::max(result_.verdict, verdict);
  }

  const Values& tf_;
  const Reference& reference_;
  const std::vector<bool>& kept_;
  const Rule& rule_;
  const std::size_t row_;
  bool has_noise_ = false;
  double largest_ = 0;
  std::size_t worst_at_ = 0;
  double worst_error_ = -1;
  Comparison result_;
};

}  // namespace

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kAgrees:
      return "agrees";
    case Verdict::kRounding:
      return "rounding";
    default:
      return "disagrees";
  }
}

Comparison compare(const Values& tf, const Reference& reference, const std::vector<bool>& kept, const Rule& rule) {
  Comparison result;
  result.mismatch = mismatch_of(tf, *reference.values);
  if (!result.mismatch.empty()) {
    result.verdict = Verdict::kDisagrees;
    result.kept.tf_to_pt = kInfinity;
    result.kept.excess = kInfinity;
    result.noise_ratio = kInfinity;
    return result;
  }
  if (tf.kind == NumberKind::kFloating) return FloatComparison(tf, reference, kept, rule).run();
  compare_integers(tf, *reference.values, &result);
  return result;
}

}  // namespace crossload::verify

// The difference of one tensor in TensorFlow and PyTorch, and the rule by which it agrees.
#pragma once

#include <string>
#include <vector>

#include "tensor/tensor_view.h"
#include "verify/values.h"

namespace crossload::verify {

enum class Verdict {
  kAgrees,     // within the absolute limit
  kRounding,   // over it, by no more than float32's rounding explains
  kDisagrees,  // further off
};
/// "agrees", "rounding", "disagrees"
std::string_view name_of(Verdict verdict);

/// Which elements share what is known of PyTorch's noise. kRow: those with the same indexes but the last, joined with
/// their neighbours where it is known of fewer than kSmallestRow. kTensor: all. Kept and padded ones never share, nor do
/// the numbers of masks, of kMask and more, with others.
enum class NoisePool { kRow, kTensor };
inline constexpr std::int64_t kSmallestRow = 16;
inline constexpr double kMask = 0x1p20;

/// When an element agrees. `make bench-agreement` measures the constants; docs/verification.md has its table.
struct Rule {
  /// |TensorFlow - PyTorch| up to this agrees.
  double absolute = 1e-5;
  /// Rounding explains absolute + relative * |PyTorch|: with 1e-5 the defaults of torch.testing.assert_close for
  /// float32.
  double relative = 1.3e-6;
  /// It also explains a distance from PyTorch's float64 run of so many times the largest that PyTorch's own float32
  /// runs have in the element's pool.
  double noise_multiple = 8;
  NoisePool pool = NoisePool::kRow;
  /// What is at excluded positions counts too.
  bool excluded_count = true;
  /// Rounding disagrees too.
  bool strict = false;
};

/// Distances over the kept positions or over the excluded ones: the largest absolute difference, infinity where one
/// side is finite and the other is not.
struct Distances {
  double tf_to_pt = 0;
  double tf_to_float64 = 0;
  double pt_to_float64 = 0;  // of PyTorch's float32 run
  double noise = 0;          // the largest of float32 runs of PyTorch whose last bits were shaken
  double excess = 0;         // of |TF - PT| over Rule::relative * |PT|
};

struct Comparison {
  Distances kept;
  Distances padded;
  bool has_padded = false;
  bool has_float64 = false;
  /// Elements at the kept positions that are NaN, or the same infinity, in both: they agree, and say nothing.
  std::int64_t not_finite = 0;
  std::int64_t kept_elements = 0;  // of floating point
  double largest_number = 0;       // |PyTorch| of the kept positions, below kMask
  double relative = 0;             // kept.tf_to_pt / the largest |PyTorch| of the kept positions
  Verdict verdict = Verdict::kAgrees;
  /// Of the elements whose excess is over Rule::absolute, the largest ratio of their distance from float64 (the larger
  /// of both frameworks') to their pool's noise; infinity without a float64 run.
  double noise_ratio = 0;
  // The worst element: of the worst verdict, then the one furthest off.
  Shape worst_index;
  double worst_tf = 0;
  double worst_pt = 0;
  bool worst_is_padded = false;
  std::string mismatch;  // empty, or both shapes, or both types
  bool exact = false;    // integers or booleans: any difference disagrees

  bool agrees() const { return verdict != Verdict::kDisagrees; }
};

/// What PyTorch computed for a tensor; the last two may be null.
struct Reference {
  const tensor::TensorView* values;
  const tensor::TensorView* float64;
  const tensor::TensorView* noise;
};

/// `kept` as KeptPositions gives: one flag an element, empty when all are.
Comparison compare(const Values& tf, const Reference& reference, const std::vector<bool>& kept, const Rule& rule);

}  // namespace crossload::verify

// The difference of one tensor in TensorFlow and PyTorch.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tensor/tensor_view.h"

namespace crossload::verify {

/// Distances over the kept positions or over the excluded ones: the largest absolute difference, infinity where one
/// side is finite and the other is not.
struct Distances {
  double tf_to_pt = 0;
  double tf_to_float64 = 0;
  double pt_to_float64 = 0;  // of PyTorch's float32 run
  double noise = 0;          // the largest of float32 runs of PyTorch whose last bits were shaken
  double excess = 0;         // of tf_to_pt over what the element's size allows, see Tolerance::relative
};

/// How far an element may be: absolute + relative * |PyTorch|. Inside a model activations reach sizes at which float32
/// cannot resolve 1e-5 (one unit in the last place of 190 is 1.5e-5), so the modules have PyTorch's own relative
/// tolerance of float32, that of torch.testing.assert_close; a model's outputs have none.
struct Tolerance {
  double absolute = 1e-5;
  double relative = 0;
};
inline constexpr double kFloat32Relative = 1.3e-6;

struct Comparison {
  Distances kept;
  Distances padded;
  bool has_padded = false;
  bool has_float64 = false;
  double relative = 0;  // kept.tf_to_pt / the largest |PyTorch| of the kept positions
  // The worst kept element; the worst padded one when none is kept.
  Shape worst_index;
  double worst_tf = 0;
  double worst_pt = 0;
  std::string shape_mismatch;  // empty, or both shapes

  /// A kept position must be within the tolerance. A padded one may be further off as long as TensorFlow is no further
  /// from the run in float64 than twice what PyTorch's float32 runs are: there rounding is amplified in PyTorch itself.
  bool agrees(double absolute) const { return kept_agrees(absolute) && padded_agrees(absolute); }
  bool kept_agrees(double absolute) const;
  bool padded_agrees(double absolute) const;
};

/// What PyTorch computed for a tensor; the last two may be null.
struct Reference {
  const TensorView* float32;
  const TensorView* float64;
  const TensorView* noise;
};

/// `tf` in the order of `shape`; `kept` as KeptPositions gives.
Comparison compare(const Shape& shape, std::span<const float> tf, const Reference& reference,
                   const std::vector<bool>& kept, double relative_tolerance);

}  // namespace crossload::verify

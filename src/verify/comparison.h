// The difference of one tensor in TensorFlow and PyTorch.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tensor/tensor_view.h"

namespace crossload::verify {

/// Distances over the kept positions or over the excluded ones: the largest absolute difference, infinity where one side
/// is finite and the other is not.
struct Distances {
  double tf_to_pt = 0;
  double tf_to_float64 = 0;
  double pt_to_float64 = 0;
};

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

  /// A kept position may differ by `limit`. A padded one may differ by more as long as TensorFlow is no further than twice
  /// PyTorch's own distance from the run in float64: there PyTorch itself is noise.
  bool agrees(double limit) const;
  bool kept_agrees(double limit) const;
  bool padded_agrees(double limit) const;
};

/// `tf` in the order of `shape`; `pt` float32 and `pt64` float64 (may be null) of the trace; `kept` as KeptPositions gives.
Comparison compare(const Shape& shape, std::span<const float> tf, const TensorView& pt, const TensorView* pt64,
                   const std::vector<bool>& kept);

}  // namespace crossload::verify

// How much each pixel of an image in another size takes of each of the image, one side after the other.
#pragma once

#include "lowering/operation.h"

namespace crossload::lowering {

/// The smooth ones take as much of an image that shrinks as one pixel of the result covers ("antialias").
enum class Kernel { kNearest, kNearestCentre, kLinear, kCubic, kSmoothLinear, kSmoothCubic };

bool is_smooth(Kernel kernel);

struct Side {
  tf::Dim input;
  tf::Dim output;
  double scale;  // 0 for none
  bool corners;
};

/// Whether a side that keeps its size keeps its pixels, whatever scale is given. Source:
/// compute_source_index_and_lambda and nearest_idx of ATen's UpSample.h.
bool keeps_pixels(const Side& side, Kernel kernel);
/// float32 [output, input]: of the image's pixels along one side.
tf::Tensor weights_of(const Operation& op, const Side& side, Kernel kernel);

}  // namespace crossload::lowering

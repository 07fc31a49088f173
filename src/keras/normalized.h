#pragma once

#include <vector>

#include "tf/graph.h"

namespace crossload::keras {

/// (x - mean) / sqrt(variance + epsilon) over axes, with the biased variance. The mean is subtracted first: where it is
/// large, x times the scale has no digits left for the difference.
tf::Tensor normalized(const tf::Tensor& x, const std::vector<int>& axes, double epsilon);

}  // namespace crossload::keras

// Normalization over groups of channels.
#pragma once

#include <cstdint>

#include "keras/module.h"
#include "tf/ops.h"

namespace crossload::keras {

/// PyTorch's GroupNorm over a sequence, in its order of dimensions: each row's channels are cut into `groups` equal
/// parts, each part is normalized over its channels and all positions with the biased variance, and each channel is
/// scaled by gamma and shifted by beta.
class GroupNormalization : public Module<GroupNormalization> {
 public:
  /// Throws Error(kBadInput) when the channels are no multiple of the groups.
  GroupNormalization(const Scope& scope, std::int64_t groups, std::int64_t channels, double epsilon);
  /// [batch, channels, length] -> the same
  tf::Tensor call(const tf::Tensor& x) const;

 private:
  std::int64_t groups_;
  double epsilon_;
  const Variable& gamma_;
  const Variable& beta_;
};

}  // namespace crossload::keras

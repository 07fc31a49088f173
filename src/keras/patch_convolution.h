// Cutting images into patches.
#pragma once

#include <cstdint>

#include "keras/module.h"
#include "tf/ops.h"

namespace crossload::keras {

/// PyTorch's Conv2d whose stride is its width, without bias, in its order of dimensions: each patch of the image
/// becomes a vector. PyTorch's weight is [out, in, patch, patch], Keras' kernel [patch, patch, in, out].
class PatchConvolution : public Module<PatchConvolution> {
 public:
  PatchConvolution(const Scope& scope, std::int64_t in_channels, std::int64_t out_channels, std::int64_t patch);
  /// [batch, in, height, width] -> [batch, out, height / patch, width / patch], rounded down
  tf::Tensor call(const tf::Tensor& pixels) const;

 private:
  const std::int64_t patch_;
  const Variable& kernel_;
};

}  // namespace crossload::keras

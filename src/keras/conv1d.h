// Convolution over a sequence.
#pragma once

#include <cstdint>

#include "keras/module.h"
#include "tf/ops.h"

namespace crossload::keras {

/// PyTorch's Conv1d with stride 1, in its order of dimensions. Its weight is [out, in / groups, width]; Keras' kernel
/// is [width, in / groups, out]. With groups, each part of the output channels sees its part of the input channels
/// alone.
class Conv1D : public Module<Conv1D> {
 public:
  /// `padding` zeros go before and after the sequence.
  Conv1D(const Scope& scope, std::int64_t in_channels, std::int64_t out_channels, std::int64_t width,
         std::int64_t padding, std::int64_t groups = 1);
  /// [batch, in, length] -> [batch, out, length + 2 * padding - width + 1]
  tf::Tensor call(const tf::Tensor& x) const;

 private:
  const std::int64_t padding_;
  const std::int64_t groups_;
  const Variable& kernel_;
  const Variable& bias_;
};

}  // namespace crossload::keras

// Convolution over a sequence.
#pragma once

#include <cstdint>
#include <string>

#include "keras/module.h"
#include "tf/ops.h"

namespace crossload::keras {

/// `padding` zeros go before and after the sequence. With groups, each part of the output channels sees its part of the
/// input channels alone. Dilation is not among them: TensorFlow has no gradient for it on a CPU.
struct Conv1DOptions {
  std::int64_t padding = 0;
  std::int64_t stride = 1;
  std::int64_t groups = 1;
  bool bias = true;
};

/// The convolution alone: x [batch, in, length], kernel [width, in / groups, out]
///   -> [batch, out, (length + 2 * padding - width) / stride + 1], rounded down
tf::Tensor convolve(const tf::Tensor& x, const tf::Tensor& kernel, const Conv1DOptions& options);

/// The channels that one output channel sees. Throws Error(kBadInput) naming `where` when the groups do not divide both
/// numbers of channels.
std::int64_t channels_per_group(const std::string& where, std::int64_t in_channels, std::int64_t out_channels,
                                std::int64_t groups);

/// PyTorch's Conv1d in its order of dimensions. Its weight is [out, in / groups, width]; Keras' kernel is [width, in /
/// groups, out].
class Conv1D : public Module<Conv1D> {
 public:
  Conv1D(const Scope& scope, std::int64_t in_channels, std::int64_t out_channels, std::int64_t width,
         const Conv1DOptions& options = {});
  /// [batch, in, length] -> see convolve
  tf::Tensor call(const tf::Tensor& x) const;

 private:
  const Conv1DOptions options_;
  const Variable& kernel_;
  const Variable* bias_;
};

}  // namespace crossload::keras

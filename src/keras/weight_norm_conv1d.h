// Convolution over a sequence whose kernel is a direction and a length.
#pragma once

#include <cstdint>

#include "keras/conv1d.h"

namespace crossload::keras {

/// How PyTorch's weight_norm(conv, dim=2) makes the kernel: v * g / |v|, with one norm for each position of the
/// kernel. It is a stage of its own: PyTorch computes it in a module `parametrizations.weight`, which holds one more,
/// `parametrizations.weight.0`.
///
/// A checkpoint holds g as `weight_g` (PyTorch before 2.0) or `parametrizations.weight.original0`, [1, 1, width], and v
/// as `weight_v` or `parametrizations.weight.original1`, [out, in / groups, width]. v4's TensorFlow keeps v in that
/// order, and g as [width, 1, 1].
class WeightNorm : public Module<WeightNorm> {
 public:
  /// `conv` is the scope of the convolution.
  WeightNorm(const Scope& conv, const Shape& shape);
  /// The kernel in PyTorch's order, [out, in / groups, width]. The argument says only which graph it is for.
  tf::Tensor call(const tf::Tensor& any) const;

 private:
  class Inner : public Module<Inner> {
   public:
    explicit Inner(const Scope& scope) : Module(scope) {}
    tf::Tensor call(const tf::Tensor& g, const tf::Tensor& v) const;
  };

  const Variable& v_;
  const Variable& g_;
  const Inner inner_;
};

/// PyTorch's Conv1d with stride 1 under weight_norm(dim=2).
class WeightNormConv1D : public Module<WeightNormConv1D> {
 public:
  /// `options.bias` must be true.
  WeightNormConv1D(const Scope& scope, std::int64_t in_channels, std::int64_t out_channels, std::int64_t width,
                   const Conv1DOptions& options);
  /// [batch, in, length] -> see convolve
  tf::Tensor call(const tf::Tensor& x) const;

 private:
  const Conv1DOptions options_;
  const WeightNorm weight_;
  const Variable& bias_;
};

}  // namespace crossload::keras

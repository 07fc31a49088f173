#include "keras/conv1d.h"

#include "crossload/error.h"

namespace crossload::keras {
namespace {

/// [batch, length, in] and [width, in, out] -> [batch, length, out]: a convolution of images that are one row high.
tf::Tensor convolve_group(const tf::Tensor& x, const tf::Tensor& kernel, const Conv1DOptions& options) {
  const std::int64_t padding = options.padding;
  const tf::Tensor y = x.graph()
                           .operation("Conv2D")
                           .input(tf::expand_dims(x, 1))
                           .input(tf::expand_dims(kernel, 0))
                           .integers("strides", {1, 1, options.stride, 1})
                           .text("padding", "EXPLICIT")
                           .integers("explicit_paddings", {0, 0, 0, 0, padding, padding, 0, 0})
                           .output();
  return tf::squeeze(y, 1);
}

}  // namespace

std::int64_t channels_per_group(const std::string& where, std::int64_t in_channels, std::int64_t out_channels,
                                std::int64_t groups) {
  if (groups <= 0 || in_channels % groups != 0 || out_channels % groups != 0) {
    throw Error(ErrorKind::kBadInput, where + ": " + std::to_string(in_channels) + " and " +
                                          std::to_string(out_channels) + " channels are not multiples of " +
                                          std::to_string(groups) + " groups");
  }
  return in_channels / groups;
}

tf::Tensor convolve(const tf::Tensor& x, const tf::Tensor& kernel, const Conv1DOptions& options) {
  const tf::Tensor channels_last = tf::transpose(x, {0, 2, 1});
  if (options.groups == 1) return tf::transpose(convolve_group(channels_last, kernel, options), {0, 2, 1});
  const int groups = static_cast<int>(options.groups);
  const std::vector<tf::Tensor> inputs = tf::split(channels_last, groups, /*axis=*/2);
  const std::vector<tf::Tensor> kernels = tf::split(kernel, groups, /*axis=*/2);
  std::vector<tf::Tensor> outputs;
  for (std::size_t i = 0; i < inputs.size(); ++i) outputs.push_back(convolve_group(inputs[i], kernels[i], options));
  return tf::transpose(tf::concat(outputs, /*axis=*/2), {0, 2, 1});
}

Conv1D::Conv1D(const Scope& scope, std::int64_t in_channels, std::int64_t out_channels, std::int64_t width,
               const Conv1DOptions& options)
    : Module(scope),
      options_(options),
      kernel_(scope.variable(
          "kernel", "weight",
          {out_channels, channels_per_group(scope.path(), in_channels, out_channels, options.groups), width},
          {.layout = Layout::kConv1D})),
      bias_(options.bias ? &scope.variable("bias", "bias", {out_channels}) : nullptr) {}

tf::Tensor Conv1D::call(const tf::Tensor& x) const {
  ModelGraph& graph = ModelGraph::of(x);
  const tf::Tensor y = convolve(x, graph.value(kernel_), options_);
  return bias_ == nullptr ? y : y + tf::expand_dims(graph.value(*bias_), 1);
}

}  // namespace crossload::keras

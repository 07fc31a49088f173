#include "keras/conv1d.h"

#include "crossload/error.h"

namespace crossload::keras {
namespace {

std::int64_t per_group(const Scope& scope, std::int64_t in_channels, std::int64_t out_channels, std::int64_t groups) {
  if (groups <= 0 || in_channels % groups != 0 || out_channels % groups != 0) {
    throw Error(ErrorKind::kBadInput, scope.path() + ": " + std::to_string(in_channels) + " and " +
                                          std::to_string(out_channels) + " channels are not multiples of " +
                                          std::to_string(groups) + " groups");
  }
  return in_channels / groups;
}

/// [batch, length, in] and [width, in, out] -> [batch, length, out]: a convolution of images that are one row high.
tf::Tensor convolve(const tf::Tensor& x, const tf::Tensor& kernel, std::int64_t padding) {
  const tf::Tensor y = x.graph()
                           .operation("Conv2D")
                           .input(tf::expand_dims(x, 1))
                           .input(tf::expand_dims(kernel, 0))
                           .integers("strides", {1, 1, 1, 1})
                           .text("padding", "EXPLICIT")
                           .integers("explicit_paddings", {0, 0, 0, 0, padding, padding, 0, 0})
                           .output();
  return tf::squeeze(y, 1);
}

}  // namespace

Conv1D::Conv1D(const Scope& scope, std::int64_t in_channels, std::int64_t out_channels, std::int64_t width,
               std::int64_t padding, std::int64_t groups)
    : Module(scope),
      padding_(padding),
      groups_(groups),
      kernel_(scope.variable("kernel", "weight",
                             {out_channels, per_group(scope, in_channels, out_channels, groups), width},
                             {.layout = Layout::kConv1D})),
      bias_(scope.variable("bias", "bias", {out_channels})) {}

tf::Tensor Conv1D::call(const tf::Tensor& x) const {
  ModelGraph& graph = ModelGraph::of(x);
  const int groups = static_cast<int>(groups_);
  const std::vector<tf::Tensor> inputs = tf::split(tf::transpose(x, {0, 2, 1}), groups, /*axis=*/2);
  const std::vector<tf::Tensor> kernels = tf::split(graph.value(kernel_), groups, /*axis=*/2);
  std::vector<tf::Tensor> outputs;
  for (std::size_t i = 0; i < inputs.size(); ++i) outputs.push_back(convolve(inputs[i], kernels[i], padding_));
  const tf::Tensor y = outputs.size() == 1 ? outputs.front() : tf::concat(outputs, /*axis=*/2);
  return tf::transpose(tf::bias_add(y, graph.value(bias_)), {0, 2, 1});
}

}  // namespace crossload::keras

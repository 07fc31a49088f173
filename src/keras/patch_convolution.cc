#include "keras/patch_convolution.h"

namespace crossload::keras {

PatchConvolution::PatchConvolution(const Scope& scope, std::int64_t in_channels, std::int64_t out_channels,
                                   std::int64_t patch)
    : Module(scope),
      patch_(patch),
      kernel_(
          scope.variable("kernel", "weight", {out_channels, in_channels, patch, patch}, {.layout = Layout::kConv2D})) {}

tf::Tensor PatchConvolution::call(const tf::Tensor& pixels) const {
  const tf::Tensor channels_last = tf::transpose(pixels, {0, 2, 3, 1});  // TensorFlow's own order on a CPU
  const tf::Tensor patches = pixels.graph()
                                 .operation("Conv2D")
                                 .input(channels_last)
                                 .input(ModelGraph::of(pixels).value(kernel_))
                                 .integers("strides", {1, patch_, patch_, 1})
                                 .text("padding", "VALID")
                                 .output();
  return tf::transpose(patches, {0, 3, 1, 2});
}

}  // namespace crossload::keras

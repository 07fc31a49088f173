// Images in other sizes, [batch, channels, height, width] in PyTorch.
#include <algorithm>
#include <cmath>

#include "lowering/table.h"
#include "tf/ops.h"

namespace crossload::lowering {
namespace {

using tf::Dim;
using tf::Dims;
using tf::Tensor;

/// The sizes of the result: the argument, or what PyTorch recorded, or a multiple of the argument's.
Dims sizes_of_result(const Operation& op) {
  const auto& shape = op.type().shape;
  Dims sizes;
  for (std::size_t i = 2; i < shape.size(); ++i) {
    if (const auto* known = std::get_if<std::int64_t>(&shape[i])) {
      sizes.emplace_back(*known);
    } else if (op.has("output_size")) {
      sizes.push_back(op.dims("output_size").at(i - 2));
    } else {
      const double scale = op.numbers("scale_factors").at(i - 2);
      if (scale != std::floor(scale)) op.fail("a scale that is no whole number is supported for known sizes alone");
      sizes.push_back(op.dim_of(op.node().args.contains("self") ? "self" : "input", static_cast<int>(i)) *
                      Dim(static_cast<std::int64_t>(scale)));
    }
  }
  return sizes;
}

const char* image_argument(const Operation& op) { return op.node().args.contains("self") ? "self" : "input"; }

Value resize(const Operation& op, bool bilinear) {
  const Dims sizes = sizes_of_result(op);
  Tensor x = op.forms(image_argument(op)).channels_last();
  const bool is_row = sizes.size() == 1;
  if (is_row) x = tf::expand_dims(x, 1);
  const Dim height = is_row ? Dim(1) : sizes[0];
  const Dim width = sizes.back();
  const bool corners = bilinear && op.flag("align_corners");
  const Tensor y = bilinear
                       ? tf::resize_bilinear(x, height, width, corners ? tf::Pixels::kCorners : tf::Pixels::kCentres)
                       : tf::resize_nearest(x, height, width);
  return Forms::channels_last(is_row ? tf::squeeze(converted(y, op.dtype()), 1) : converted(y, op.dtype()));
}

/// Keys' cubic convolution, A = -0.75, at distance x from a pixel.
double cubic(double x) {
  constexpr double kA = -0.75;
  if (x <= 1) return ((kA + 2) * x - (kA + 3)) * x * x + 1;
  return ((kA * x - 5 * kA) * x + 8 * kA) * x - 4 * kA;
}

/// [output, input]: how much each pixel of the result takes of each of the image along one side.
Tensor cubic_weights(const Operation& op, std::int64_t input, std::int64_t output, double scale, bool corners) {
  std::vector<double> weights(static_cast<std::size_t>(input * output), 0);
  for (std::int64_t i = 0; i < output; ++i) {
    const double ratio = corners     ? (output > 1 ? double(input - 1) / double(output - 1) : 0)
                         : scale > 0 ? 1 / scale
                                     : double(input) / double(output);
    const double centre = corners ? ratio * double(i) : (double(i) + 0.5) * ratio - 0.5;
    const double first = std::floor(centre);
    for (int j = -1; j <= 2; ++j) {
      const auto at = std::clamp<std::int64_t>(static_cast<std::int64_t>(first) + j, 0, input - 1);
      weights[static_cast<std::size_t>(i * input + at)] += cubic(std::abs(centre - (first + j)));
    }
  }
  const std::vector<float> rounded(weights.begin(), weights.end());
  return op.graph().constant(
      tf::HostTensor::of<float>(op.graph().library(), {output, input}, std::span<const float>(rounded)));
}

/// Two products with matrices of weights, which are made for sizes that are known.
Value resize_bicubic(const Operation& op) {
  const char* name = image_argument(op);
  Tensor x = op.tensor(name);
  const std::vector<double> scales = op.has("scale_factors") ? op.numbers("scale_factors") : std::vector<double>{0, 0};
  const bool corners = op.flag("align_corners");
  Dims sizes = sizes_of_result(op);
  for (int side = 0; side < 2; ++side) {
    const auto at = static_cast<std::size_t>(side);
    const Dim input = op.dim_of(name, side + 2);
    if (!input.known() || !sizes[at].known()) op.fail("is supported for images of known sizes");
    const Tensor weights = cubic_weights(op, input.size(), sizes[at].size(), scales[at], corners);
    x = side == 0 ? tf::matmul(weights, x) : tf::matmul(x, weights, false, true);
  }
  return x;
}

/// [batch, channels * r * r, h, w] -> [batch, channels, h * r, w * r]
Value pixel_shuffle(const Operation& op) {
  const std::int64_t r = op.integer("upscale_factor");
  const Dims dims = op.dims_of("self");
  const Dim channels = tf::floor_div(dims.at(1), r * r);
  const Tensor apart = reshaped(op.tensor("self"), {dims[0], channels, r, r, dims[2], dims[3]});
  return reshaped(tf::transpose(apart, {0, 1, 4, 2, 5, 3}), {dims[0], channels, dims[2] * Dim(r), dims[3] * Dim(r)});
}

Value pixel_unshuffle(const Operation& op) {
  const std::int64_t r = op.integer("downscale_factor");
  const Dims dims = op.dims_of("self");
  const Dim height = tf::floor_div(dims.at(2), r);
  const Dim width = tf::floor_div(dims.at(3), r);
  const Tensor apart = reshaped(op.tensor("self"), {dims[0], dims[1], height, r, width, r});
  return reshaped(tf::transpose(apart, {0, 1, 3, 5, 2, 4}), {dims[0], dims[1] * Dim(r * r), height, width});
}

}  // namespace

void add_images(Table* table) {
  table->add_each({"aten.upsample_bilinear2d.vec", "aten.upsample_bilinear2d.default", "aten.upsample_linear1d.vec"},
                  [](const Operation& op) { return resize(op, true); });
  table->add_each({"aten.upsample_nearest2d.vec", "aten.upsample_nearest2d.default", "aten.upsample_nearest1d.vec"},
                  [](const Operation& op) { return resize(op, false); });
  table->add_each({"aten.upsample_bicubic2d.vec", "aten.upsample_bicubic2d.default"}, resize_bicubic);
  table->add("aten.pixel_shuffle.default", pixel_shuffle);
  table->add("aten.pixel_unshuffle.default", pixel_unshuffle);
}

}  // namespace crossload::lowering

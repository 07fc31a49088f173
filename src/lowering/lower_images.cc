// Pools and other sizes of images, [batch, channels, height, width] in PyTorch.
#include <algorithm>
#include <cmath>
#include <limits>

#include "lowering/table.h"
#include "tf/ops.h"

namespace crossload::lowering {
namespace {

using tf::Dim;
using tf::Dims;
using tf::Pair;
using tf::Tensor;

/// One number stands for both sides.
Pair pair(const Operation& op, const char* name, const Pair& otherwise) {
  const std::vector<std::int64_t> given = op.has(name) ? op.integers(name) : std::vector<std::int64_t>();
  if (given.empty()) return otherwise;
  return {given.front(), given.back()};
}

/// [1, size] for what goes over one axis, with the neutral `other`.
Pair row(const Operation& op, const char* name, std::int64_t other, std::int64_t otherwise) {
  const std::vector<std::int64_t> given = op.has(name) ? op.integers(name) : std::vector<std::int64_t>();
  return {other, given.empty() ? otherwise : given.front()};
}

struct Window {
  Pair size;
  Pair strides;
  Pair padding;
};

Window window(const Operation& op, bool is_row) {
  if (is_row) {
    const Pair size = row(op, "kernel_size", 1, 1);
    return {size, row(op, "stride", 1, size[1]), row(op, "padding", 0, 0)};
  }
  const Pair size = pair(op, "kernel_size", {1, 1});
  return {size, pair(op, "stride", size), pair(op, "padding", {0, 0})};
}

/// How much more is needed at the end so that the last window counts that is not whole (ceil_mode): PyTorch drops one
/// that begins beyond the image and its padding.
std::int64_t more_at_end(const Operation& op, std::int64_t size, std::int64_t kernel, std::int64_t stride,
                         std::int64_t padding) {
  if (size < 0) op.fail("ceil_mode is supported for sizes that are known");
  const std::int64_t span = size + 2 * padding - kernel;
  std::int64_t windows = (span + stride - 1) / stride + 1;
  if ((windows - 1) * stride >= size + padding) --windows;
  return std::max<std::int64_t>(0, (windows - 1) * stride + kernel - size - 2 * padding);
}

/// An image of one row for what has one axis.
Tensor image_of(const Operation& op, bool is_row) {
  const Tensor x = op.forms("self").channels_last();
  return is_row ? tf::expand_dims(x, 1) : x;
}

Value result_of(const Tensor& y, bool is_row) { return Forms::channels_last(is_row ? tf::squeeze(y, 1) : y); }

tf::Padding padding_of(const Operation& op, const Tensor& x, const Window& w) {
  if (!op.flag("ceil_mode")) return {{w.padding[0], w.padding[0]}, {w.padding[1], w.padding[1]}};
  const auto end = [&](std::size_t side) {
    return w.padding[side] +
           more_at_end(op, x.dim(static_cast<int>(side) + 1), w.size[side], w.strides[side], w.padding[side]);
  };
  return {{w.padding[0], end(0)}, {w.padding[1], end(1)}};
}

void require_batch(const Operation& op, int rank) {
  if (op.rank_of("self") != rank) op.fail("without a batch is not supported");
}

Value max_pool(const Operation& op, bool is_row) {
  require_batch(op, is_row ? 3 : 4);
  for (const std::int64_t dilation : op.integers("dilation")) {
    if (dilation != 1) op.fail("dilation is not supported");
  }
  const Tensor x = image_of(op, is_row);
  const Window w = window(op, is_row);
  return result_of(tf::max_pool(x, {w.size, w.strides, padding_of(op, x, w)}), is_row);
}

Value avg_pool(const Operation& op, bool is_row) {
  require_batch(op, is_row ? 3 : 4);
  if (op.has("divisor_override")) op.fail("divisor_override is not supported");
  const Tensor x = image_of(op, is_row);
  const Window w = window(op, is_row);
  const tf::Padding padding = padding_of(op, x, w);
  const bool is_uneven = padding.rows()[0] != padding.rows()[1] || padding.columns()[0] != padding.columns()[1];
  // What is added for ceil_mode alone is never counted.
  const bool counts = op.flag("count_include_pad") && !is_uneven;
  if (is_uneven && op.flag("count_include_pad") && (w.padding[0] != 0 || w.padding[1] != 0)) {
    op.fail("ceil_mode with a padding that counts is not supported");
  }
  return result_of(tf::avg_pool(x, {w.size, w.strides, padding}, counts), is_row);
}

/// The rows of a matrix that takes the mean of each of `output` parts of `input` elements; parts overlap where the sizes
/// do not divide.
Tensor means(const Operation& op, std::int64_t input, std::int64_t output) {
  std::vector<float> matrix(static_cast<std::size_t>(input * output), 0);
  for (std::int64_t i = 0; i < output; ++i) {
    const std::int64_t begin = i * input / output;
    const std::int64_t end = ((i + 1) * input + output - 1) / output;
    for (std::int64_t j = begin; j < end; ++j) {
      matrix[static_cast<std::size_t>(i * input + j)] = 1 / static_cast<float>(end - begin);
    }
  }
  return op.graph().constant(
      tf::HostTensor::of<float>(op.graph().library(), {output, input}, std::span<const float>(matrix)));
}

Value adaptive_avg_pool(const Operation& op, bool is_row) {
  require_batch(op, is_row ? 3 : 4);
  const Tensor x = image_of(op, is_row);  // [batch, height, width, channels]
  const Pair output = is_row ? row(op, "output_size", 1, 1) : pair(op, "output_size", {1, 1});
  if (output == Pair{1, 1}) return result_of(tf::reduce_mean(x, {1, 2}, true), is_row);
  Tensor y = x;
  for (int side = 0; side < 2; ++side) {
    const std::int64_t input = x.dim(side + 1);
    const std::int64_t wanted = output[static_cast<std::size_t>(side)];
    if (input < 0) op.fail("is supported for images of known sizes");
    if (input == wanted) continue;
    const char* equation = side == 0 ? "oh,bhwc->bowc" : "ow,bhwc->bhoc";
    y = tf::einsum(equation, means(op, input, wanted), y);
  }
  return result_of(y, is_row);
}

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
  return result_of(converted(y, op.dtype()), is_row);
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
  table->add("aten.max_pool2d.default", [](const Operation& op) { return max_pool(op, false); });
  table->add("aten.max_pool1d.default", [](const Operation& op) { return max_pool(op, true); });
  table->add("aten.max_pool2d_with_indices.default", [](const Operation& op) {
    return Value(Value::List{max_pool(op, false), {}});
  });
  table->add("aten.avg_pool2d.default", [](const Operation& op) { return avg_pool(op, false); });
  table->add_each({"aten.adaptive_avg_pool2d.default", "aten._adaptive_avg_pool2d.default"},
                  [](const Operation& op) { return adaptive_avg_pool(op, false); });
  table->add("aten.adaptive_avg_pool1d.default", [](const Operation& op) { return adaptive_avg_pool(op, true); });
  table->add_each({"aten.upsample_bilinear2d.vec", "aten.upsample_bilinear2d.default", "aten.upsample_linear1d.vec"},
                  [](const Operation& op) { return resize(op, true); });
  table->add_each({"aten.upsample_nearest2d.vec", "aten.upsample_nearest2d.default", "aten.upsample_nearest1d.vec"},
                  [](const Operation& op) { return resize(op, false); });
  table->add_each({"aten.upsample_bicubic2d.vec", "aten.upsample_bicubic2d.default"}, resize_bicubic);
  table->add("aten.pixel_shuffle.default", pixel_shuffle);
  table->add("aten.pixel_unshuffle.default", pixel_unshuffle);
}

}  // namespace crossload::lowering

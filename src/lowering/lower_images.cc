// Rows, images and films in other sizes, [batch, channels, sides...] in PyTorch.
#include <cmath>

#include "lowering/resize_weights.h"
#include "lowering/table.h"
#include "tf/ops.h"

namespace crossload::lowering {
namespace {

using tf::Dim;
using tf::Dims;
using tf::Tensor;

const char* image_argument(const Operation& op) { return op.node().args.contains("self") ? "self" : "input"; }

bool is_whole(double scale) { return scale == std::floor(scale); }

/// A size times a scale, rounded down, as Python computes it.
Dim scaled(const Operation& op, const Dim& size, double scale) {
  if (is_whole(scale)) return size * Dim(static_cast<std::int64_t>(scale));
  const Tensor exact = tf::cast(size.as_tensor(op.graph()), tf::DataType::kDouble) * scale;
  return {tf::cast(tf::floor(exact), tf::DataType::kInt32)};
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
      sizes.push_back(
          scaled(op, op.dim_of(image_argument(op), static_cast<int>(i)), op.numbers("scale_factors").at(i - 2)));
    }
  }
  return sizes;
}

/// What the caller said of a side, 0 for nothing: pixels then lie 1 / scale apart, though the sizes say otherwise.
double scale_of(const Operation& op, std::size_t side, std::size_t sides) {
  if (op.has("scale_factors")) return op.numbers("scale_factors").at(side);
  const char* name = sides == 1          ? "scales"
                     : side + 3 == sides ? "scales_d"
                     : side + 2 == sides ? "scales_h"
                                         : "scales_w";
  return op.has(name) ? op.number(name) : 0;
}

/// x with weights [output, input] for one of its last three axes.
Tensor along(const Tensor& x, const Tensor& weights, int axis) {
  if (axis == x.rank() - 1) return tf::matmul(x, weights, false, true);
  if (axis == x.rank() - 2) return tf::matmul(weights, x);
  return tf::einsum("of,bcfhw->bcohw", weights, x);
}

/// A product with a matrix of weights for each side.
Value resize_by_weights(const Operation& op, Kernel kernel) {
  const char* name = image_argument(op);
  Tensor x = op.tensor(name);
  const Dims sizes = sizes_of_result(op);
  const bool corners = op.node().args.contains("align_corners") && op.flag("align_corners");
  for (std::size_t at = 0; at < sizes.size(); ++at) {
    const int axis = static_cast<int>(at) + 2;
    const Side side = {op.dim_of(name, axis), sizes[at], scale_of(op, at, sizes.size()), corners};
    if (keeps_pixels(side, kernel)) continue;
    x = along(x, converted(weights_of(op, side, kernel), op.dtype()), axis);
  }
  return x;
}

/// Whether a scale says the same as the sizes do, which is all that TensorFlow's operations know.
bool is_as_sizes_say(const Operation& op, const Dims& sizes) {
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const double scale = scale_of(op, i, sizes.size());
    const Dim input = op.dim_of(image_argument(op), static_cast<int>(i) + 2);
    if (scale == 0) continue;
    if (!input.known() || !sizes[i].known()) {
      if (!is_whole(scale)) return false;
      continue;
    }
    if (static_cast<double>(input.size()) * scale != static_cast<double>(sizes[i].size())) return false;
  }
  return true;
}

Value resize(const Operation& op, Kernel kernel) {
  const Dims sizes = sizes_of_result(op);
  const bool bilinear = kernel == Kernel::kLinear;
  const bool corners = bilinear && op.flag("align_corners");
  if (!corners && !is_as_sizes_say(op, sizes)) return resize_by_weights(op, kernel);
  Tensor x = op.forms(image_argument(op)).channels_last();
  const bool is_row = sizes.size() == 1;
  if (is_row) x = tf::expand_dims(x, 1);
  const Dim height = is_row ? Dim(1) : sizes[0];
  const Dim width = sizes.back();
  const tf::Pixels pixels = corners                      ? tf::Pixels::kCorners
                            : kernel == Kernel::kNearest ? tf::Pixels::kScaled
                                                         : tf::Pixels::kCentres;
  const Tensor y =
      bilinear ? tf::resize_bilinear(x, height, width, pixels) : tf::resize_nearest(x, height, width, pixels);
  return Forms::channels_last(is_row ? tf::squeeze(converted(y, op.dtype()), 1) : converted(y, op.dtype()));
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
  const auto add = [&](const std::vector<std::string>& names, Kernel kernel) {
    for (const std::string& name : names) {
      const Table::Lower lower = [=](const Operation& op) {
        const bool is_film = op.rank() == 5;
        const bool is_ours = kernel == Kernel::kCubic || is_smooth(kernel) || is_film;
        return is_ours ? resize_by_weights(op, kernel) : resize(op, kernel);
      };
      table->add_each({"aten." + name + ".vec", "aten." + name + ".default"}, lower);
    }
  };
  add({"upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d"}, Kernel::kLinear);
  add({"upsample_nearest1d", "upsample_nearest2d"}, Kernel::kNearest);
  add({"_upsample_nearest_exact1d", "_upsample_nearest_exact2d"}, Kernel::kNearestCentre);
  add({"upsample_bicubic2d"}, Kernel::kCubic);
  add({"_upsample_bilinear2d_aa"}, Kernel::kSmoothLinear);
  add({"_upsample_bicubic2d_aa"}, Kernel::kSmoothCubic);
  table->add("aten.pixel_shuffle.default", pixel_shuffle);
  table->add("aten.pixel_unshuffle.default", pixel_unshuffle);
}

}  // namespace crossload::lowering

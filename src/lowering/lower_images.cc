// Images in other sizes, [batch, channels, height, width] in PyTorch.
#include <algorithm>
#include <cmath>

#include "lowering/cubic.h"
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
  const char* name = sides == 1 ? "scales" : side + 2 == sides ? "scales_h" : "scales_w";
  return op.has(name) ? op.number(name) : 0;
}

/// The smooth ones take as much of an image that shrinks as one pixel of the result covers ("antialias").
enum class Kernel { kNearest, kNearestCentre, kLinear, kCubic, kSmoothLinear, kSmoothCubic };

bool is_smooth(Kernel kernel) { return kernel == Kernel::kSmoothLinear || kernel == Kernel::kSmoothCubic; }

struct Side {
  std::int64_t input;
  std::int64_t output;
  double scale;  // 0 for none
  bool corners;
};

/// Where the i-th pixel of the result lies in the image.
double place_of(const Side& side, std::int64_t i, Kernel kernel) {
  const auto input = static_cast<double>(side.input);
  const auto output = static_cast<double>(side.output);
  if (side.corners) return side.output > 1 ? (input - 1) / (output - 1) * static_cast<double>(i) : 0;
  const bool is_twice = kernel == Kernel::kNearest && side.output == 2 * side.input;  // whatever scale is given
  const double ratio = side.scale > 0 && !is_twice ? 1 / side.scale : input / output;
  if (kernel == Kernel::kNearest) return static_cast<double>(static_cast<float>(i) * static_cast<float>(ratio));
  if (kernel == Kernel::kNearestCentre) return (static_cast<double>(i) + 0.5) * ratio;
  const double centre = (static_cast<double>(i) + 0.5) * ratio - 0.5;
  return kernel == Kernel::kLinear ? std::max(centre, 0.0) : centre;
}

/// [output, input]: how much each pixel of the result takes of each of the image along one side.
Tensor weights_of(const Operation& op, const Side& side, Kernel kernel) {
  std::vector<double> weights(static_cast<std::size_t>(side.input * side.output), 0);
  for (std::int64_t i = 0; i < side.output; ++i) {
    const double place = place_of(side, i, kernel);
    const double first = std::floor(place);
    const auto add = [&](int after, double weight) {
      const auto at = std::clamp<std::int64_t>(static_cast<std::int64_t>(first) + after, 0, side.input - 1);
      weights[static_cast<std::size_t>(i * side.input + at)] += weight;
    };
    if (kernel == Kernel::kCubic) {
      const std::array<double, 4> taps = cubic_weights(place - first);
      for (int j = 0; j < 4; ++j) add(j - 1, taps[static_cast<std::size_t>(j)]);
    } else if (kernel == Kernel::kLinear) {
      add(0, 1 - (place - first));
      add(1, place - first);
    } else {
      add(0, 1);
    }
  }
  const std::vector<float> rounded(weights.begin(), weights.end());
  return op.graph().constant(
      tf::HostTensor::of<float>(op.graph().library(), {side.output, side.input}, std::span<const float>(rounded)));
}

/// A side of which it takes a run to know how long it is.
struct FreeSide {
  Dim input;
  Dim output;
  double scale;  // 0 for none
  bool corners;
};

/// How far pixels of the result lie apart in the image; as a number like x.
Tensor spacing(const FreeSide& side, const Tensor& x) {
  const auto number = [&](const Dim& size) { return tf::like(x, size); };
  if (side.corners) return (number(side.input) - 1) / tf::maximum(number(side.output) - 1, 1);
  return side.scale > 0 ? tf::like(x, 1 / side.scale) : number(side.input) / number(side.output);
}

/// float32 [size]: 0, 1, 2, ...
Tensor places(const Operation& op, const Dim& size) {
  return tf::cast(tf::range(op.graph(), size), tf::DataType::kFloat);
}

/// place_of for all pixels of the result, of which corners are not the image's: float32 [output].
Tensor places_of(const Operation& op, const FreeSide& side, Kernel kernel) {
  const Tensor i = places(op, side.output);
  const Tensor ratio = spacing(side, i);
  if (kernel == Kernel::kNearest) return i * ratio;
  const Tensor centre = (i + 0.5) * ratio;
  if (kernel == Kernel::kNearestCentre) return centre;
  return kernel == Kernel::kLinear ? tf::maximum(centre - 0.5, 0) : centre - 0.5;
}

/// Places in the image as the pixel before each, and the way from there: float32 [output].
struct Between {
  Tensor first;
  Tensor way;
};

/// By integers where the sizes alone say it: a place far from 0 has few digits left for the way behind its pixel.
Between between(const Operation& op, const FreeSide& side, Kernel kernel) {
  const bool is_of_sizes = side.corners || (side.scale == 0 && (kernel == Kernel::kLinear || kernel == Kernel::kCubic));
  if (!is_of_sizes) {
    const Tensor place = places_of(op, side, kernel);
    const Tensor first = tf::floor(place);
    return {first, place - first};
  }
  const Tensor i = tf::range(op.graph(), side.output);
  const Tensor input = side.input.as_tensor(op.graph());
  const Tensor output = side.output.as_tensor(op.graph());
  Tensor steps = side.corners ? i * (input - 1) : (i * 2 + 1) * input - output;
  const Tensor steps_of_pixel = side.corners ? tf::maximum(output - 1, 1) : output * 2;
  if (kernel == Kernel::kLinear) steps = tf::maximum(steps, 0);
  const auto number = [](const Tensor& x) { return tf::cast(x, tf::DataType::kFloat); };
  return {number(tf::floor_div(steps, steps_of_pixel)),
          number(tf::mod(steps, steps_of_pixel)) / number(steps_of_pixel)};
}

/// How much a pixel counts at distance x: a triangle, or Keys' cubic convolution with A = -0.5, as Pillow has it.
Tensor smooth_filter(const Tensor& x, Kernel kernel) {
  if (kernel == Kernel::kSmoothLinear) return tf::maximum(1 - x, 0);
  constexpr double kA = -0.5;
  return tf::where(tf::less(x, 1), cubic_near(x, kA), tf::where(tf::less(x, 2), cubic_far(x, kA), 0));
}

/// float32 [output, input]. Source: compute_indices_min_size_weights_aa of ATen's UpSampleKernel.cpp.
Tensor smooth_weights_of(const Operation& op, const FreeSide& side, Kernel kernel) {
  const Tensor i = tf::expand_dims(places(op, side.output), 1);
  const Tensor j = tf::expand_dims(places(op, side.input), 0);
  const Tensor scale = spacing(side, i);
  const Tensor shrinks = tf::maximum(scale, 1);
  const Tensor support = shrinks * (kernel == Kernel::kSmoothLinear ? 1.0 : 2.0);
  const Tensor centre = (i + 0.5) * scale;
  const Tensor begin = tf::floor(tf::maximum(centre - support + 0.5, 0));
  const Tensor end = tf::floor(centre + support + 0.5);
  const Tensor counts = tf::logical_and(tf::less_equal(begin, j), tf::less(j, end));
  const Tensor weights = tf::where(counts, smooth_filter(tf::abs(j - centre + 0.5) / shrinks, kernel), 0);
  return weights / tf::reduce_sum(weights, {1}, true);
}

/// The same as weights_of, float32 [output, input], computed in the graph.
Tensor weights_of(const Operation& op, const FreeSide& side, Kernel kernel) {
  if (is_smooth(kernel)) return smooth_weights_of(op, side, kernel);
  const auto [first, t] = between(op, side, kernel);
  std::vector<std::pair<int, Tensor>> taps;  // pixels after the first one, and how much they count
  if (kernel == Kernel::kCubic) {
    const auto weights = cubic_weights(t);
    for (int j = 0; j < 4; ++j) taps.emplace_back(j - 1, weights[static_cast<std::size_t>(j)]);
  } else if (kernel == Kernel::kLinear) {
    taps = {{0, 1 - t}, {1, t}};
  } else {
    taps = {{0, tf::ones_like(t)}};
  }
  std::optional<Tensor> sum;
  const Tensor last = tf::like(first, side.input - 1);
  for (const auto& [after, weight] : taps) {
    const Tensor pixel = tf::minimum(tf::maximum(first + after, 0), last);
    const Tensor part = tf::one_hot(tf::cast(pixel, tf::DataType::kInt32), side.input) * tf::expand_dims(weight, 1);
    sum = sum ? *sum + part : part;
  }
  return *sum;
}

/// Whether a side that keeps its size keeps its pixels, whatever scale is given. Source: compute_source_index_and_lambda
/// and nearest_idx of ATen's UpSample.h.
bool copies(Kernel kernel, const Dim& input, const Dim& output) {
  const bool may = kernel == Kernel::kLinear || kernel == Kernel::kNearest || is_smooth(kernel);
  return may && input.known() && output.known() && input.size() == output.size();
}

/// A product with a matrix of weights for each side.
Value resize_by_weights(const Operation& op, Kernel kernel) {
  const char* name = image_argument(op);
  Tensor x = op.tensor(name);
  const Dims sizes = sizes_of_result(op);
  const bool corners = op.node().args.contains("align_corners") && op.flag("align_corners");
  for (std::size_t at = 0; at < sizes.size(); ++at) {
    const Dim input = op.dim_of(name, static_cast<int>(at) + 2);
    if (copies(kernel, input, sizes[at])) continue;
    const double scale = scale_of(op, at, sizes.size());
    const bool known = input.known() && sizes[at].known() && !is_smooth(kernel);
    const Tensor made = known ? weights_of(op, Side{input.size(), sizes[at].size(), scale, corners}, kernel)
                              : weights_of(op, FreeSide{input, sizes[at], scale, corners}, kernel);
    const Tensor weights = converted(made, op.dtype());
    const bool is_last = at + 1 == sizes.size();
    x = is_last ? tf::matmul(x, weights, false, true) : tf::matmul(weights, x);
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
        return kernel == Kernel::kCubic || is_smooth(kernel) ? resize_by_weights(op, kernel) : resize(op, kernel);
      };
      table->add_each({"aten." + name + ".vec", "aten." + name + ".default"}, lower);
    }
  };
  add({"upsample_linear1d", "upsample_bilinear2d"}, Kernel::kLinear);
  add({"upsample_nearest1d", "upsample_nearest2d"}, Kernel::kNearest);
  add({"_upsample_nearest_exact1d", "_upsample_nearest_exact2d"}, Kernel::kNearestCentre);
  add({"upsample_bicubic2d"}, Kernel::kCubic);
  add({"_upsample_bilinear2d_aa"}, Kernel::kSmoothLinear);
  add({"_upsample_bicubic2d_aa"}, Kernel::kSmoothCubic);
  table->add("aten.pixel_shuffle.default", pixel_shuffle);
  table->add("aten.pixel_unshuffle.default", pixel_unshuffle);
}

}  // namespace crossload::lowering

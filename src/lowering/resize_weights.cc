#include "lowering/resize_weights.h"

#include <algorithm>
#include <cmath>

#include "lowering/cubic.h"
#include "tf/ops.h"

namespace crossload::lowering {
namespace {

using tf::Dim;
using tf::Tensor;

/// Both sizes are known.
struct KnownSide {
  std::int64_t input;
  std::int64_t output;
  double scale;  // 0 for none
  bool corners;
};

/// Where the i-th pixel of the result lies in the image.
double place_of(const KnownSide& side, std::int64_t i, Kernel kernel) {
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
Tensor known_weights_of(const Operation& op, const KnownSide& side, Kernel kernel) {
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

/// How far pixels of the result lie apart in the image; as a number like x.
Tensor spacing(const Side& side, const Tensor& x) {
  const auto number = [&](const Dim& size) { return tf::like(x, size); };
  if (side.corners) return (number(side.input) - 1) / tf::maximum(number(side.output) - 1, 1);
  return side.scale > 0 ? tf::like(x, 1 / side.scale) : number(side.input) / number(side.output);
}

/// float32 [size]: 0, 1, 2, ...
Tensor places(const Operation& op, const Dim& size) {
  return tf::cast(tf::range(op.graph(), size), tf::DataType::kFloat);
}

/// place_of for all pixels of the result, of which corners are not the image's: float32 [output].
Tensor places_of(const Operation& op, const Side& side, Kernel kernel) {
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
Between between(const Operation& op, const Side& side, Kernel kernel) {
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
Tensor smooth_weights_of(const Operation& op, const Side& side, Kernel kernel) {
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

/// The same of sizes that it takes a run to know.
Tensor free_weights_of(const Operation& op, const Side& side, Kernel kernel) {
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

}  // namespace

bool is_smooth(Kernel kernel) { return kernel == Kernel::kSmoothLinear || kernel == Kernel::kSmoothCubic; }

bool keeps_pixels(const Side& side, Kernel kernel) {
  const bool may = kernel == Kernel::kLinear || kernel == Kernel::kNearest || is_smooth(kernel);
  return may && side.input.known() && side.output.known() && side.input.size() == side.output.size();
}

Tensor weights_of(const Operation& op, const Side& side, Kernel kernel) {
  if (is_smooth(kernel)) return smooth_weights_of(op, side, kernel);
  if (!side.input.known() || !side.output.known()) return free_weights_of(op, side, kernel);
  return known_weights_of(op, {side.input.size(), side.output.size(), side.scale, side.corners}, kernel);
}

}  // namespace crossload::lowering

// Pools: means and maxima of the windows of rows, images and films.
#include <algorithm>
#include <limits>

#include "lowering/pools.h"
#include "lowering/table.h"
#include "tf/ops.h"

namespace crossload::lowering {
namespace {

using tf::Dim;
using tf::Dims;
using tf::Tensor;

/// An argument for each side: one number stands for all, and the row of one axis has the neutral one.
Sides sides(const Operation& op, int axes, const char* name, std::int64_t neutral, const Sides& otherwise) {
  Sides given = op.has(name) ? op.integers(name) : Sides();
  if (given.empty()) return otherwise;
  given.resize(static_cast<std::size_t>(axes), given.back());
  if (axes == 1) given.insert(given.begin(), neutral);
  return given;
}

/// Of a pool: each has a number for each side.
struct Windows {
  Sides size;
  Sides strides;
  Sides padding;
  Sides dilation;
};

Windows windows(const Operation& op, int axes) {
  const std::size_t count = axes == 3 ? 3 : 2;
  const Sides size = sides(op, axes, "kernel_size", 1, {});
  return {size, sides(op, axes, "stride", 1, size), sides(op, axes, "padding", 0, Sides(count, 0)),
          sides(op, axes, "dilation", 1, Sides(count, 1))};
}

/// From the first element of a window to the last one.
std::int64_t extent(const Windows& w, std::size_t side) { return w.dilation[side] * (w.size[side] - 1) + 1; }

/// How much more is needed at the end so that the last window counts that is not whole (ceil_mode): PyTorch drops one
/// that begins beyond the image and its padding.
Dim more_at_end(const Dim& size, std::int64_t window, std::int64_t stride, std::int64_t padding) {
  const Dim span = size + 2 * padding - window;
  const Dim before = tf::minimum(tf::floor_div(span + stride - 1, stride), tf::floor_div(size + padding - 1, stride));
  return tf::maximum(0, before * stride + window - size - 2 * padding);
}

/// What ceil_mode adds to the image at the end of each side.
Dims more_of(const Operation& op, const Tensor& x, const Windows& w) {
  Dims more(sides_of(x), 0);
  if (!op.flag("ceil_mode")) return more;
  const Dims dims = tf::dims_of(x);
  for (std::size_t i = 0; i < more.size(); ++i) {
    more[i] = more_at_end(dims[i + 1], extent(w, i), w.strides[i], w.padding[i]);
  }
  return more;
}

bool is_nothing(const Dims& more) {
  return std::ranges::all_of(more, [](const Dim& dim) { return dim.known() && dim.size() == 0; });
}

bool are_all(const Sides& values, std::int64_t wanted) {
  return std::ranges::all_of(values, [=](std::int64_t value) { return value == wanted; });
}

/// The image with so much of a value around it, and more of it at the end.
Tensor padded(const Tensor& x, const Sides& padding, const Dims& more, const tf::Number& value = 0) {
  if (are_all(padding, 0) && is_nothing(more)) return x;
  tf::Paddings paddings = {{0, 0}};
  for (std::size_t i = 0; i < padding.size(); ++i) paddings.emplace_back(padding[i], more[i] + padding[i]);
  paddings.emplace_back(0, 0);
  return tf::pad(x, paddings, value);
}

/// TensorFlow's "MaxPool" or "AvgPool" of all windows within x.
Tensor pooled(const std::string& type, const Tensor& x, const Windows& w) {
  const auto of_image = [](Sides values) {
    values.insert(values.begin(), 1);
    values.push_back(1);
    return values;
  };
  return x.graph()
      .operation(sides_of(x) == 3 ? type + "3D" : type)
      .input(x)
      .integers("ksize", of_image(w.size))
      .integers("strides", of_image(w.strides))
      .text("padding", "VALID")
      .output();
}

/// Along one side the first elements of all windows, their second ones, and so on.
std::vector<Tensor> elements(const Tensor& x, const Windows& w, std::size_t side) {
  const std::int64_t stride = w.strides[side];
  const Dim last_window = tf::floor_div(tf::dims_of(x)[side + 1] - extent(w, side), stride) * stride;
  std::vector<Tensor> elements;
  for (std::int64_t k = 0; k < w.size[side]; ++k) {
    const std::int64_t first = k * w.dilation[side];
    elements.push_back(tf::slice(x, static_cast<int>(side) + 1, first, last_window + (first + 1), stride));
  }
  return elements;
}

Tensor largest_of(const std::vector<Tensor>& tensors) {
  Tensor largest = tensors.front();
  for (std::size_t i = 1; i < tensors.size(); ++i) largest = tf::maximum(largest, tensors[i]);
  return largest;
}

/// The maxima of windows with other elements in between, which TensorFlow's pools do not know.
Tensor maxima_of_dilated(const Tensor& x, const Windows& w) {
  Tensor y = x;
  for (std::size_t side = 0; side < w.size.size(); ++side) y = largest_of(elements(y, w, side));
  return y;
}

/// Of all windows within x, whose elements have these places.
Maxima maxima_and_places(const Tensor& x, const Tensor& places, const Windows& w) {
  Maxima y = {x, places};
  for (std::size_t side = 0; side < w.size.size(); ++side) {
    const std::vector<Tensor> values = elements(y.values, w, side);
    const std::vector<Tensor> places_of_values = elements(y.places, w, side);
    const Tensor largest = largest_of(values);
    Tensor first = places_where_largest(values[0], largest, places_of_values[0]);
    for (std::size_t k = 1; k < values.size(); ++k) {
      first = tf::minimum(first, places_where_largest(values[k], largest, places_of_values[k]));
    }
    y = {largest, first};
  }
  return y;
}

Value max_pool(const Operation& op, int axes) {
  const Tensor x = image_of(op, axes);
  const Windows w = windows(op, axes);
  const Tensor whole = padded(x, w.padding, more_of(op, x, w), -std::numeric_limits<double>::infinity());
  return result_of(op, are_all(w.dilation, 1) ? pooled("MaxPool", whole, w) : maxima_of_dilated(whole, w), axes);
}

Value max_pool_with_places(const Operation& op, int axes) {
  if (!op.is_read(1)) return Value::List{max_pool(op, axes), {}};
  const Tensor x = image_of(op, axes);
  const Windows w = windows(op, axes);
  const Dims more = more_of(op, x, w);
  const Tensor whole = padded(x, w.padding, more, -std::numeric_limits<double>::infinity());
  return result_of(op, maxima_and_places(whole, padded(places_in(x), w.padding, more, kNowhere), w), axes);
}

/// Windows side by side of which the last need not be whole, and so large that an image would be mostly padding:
/// EfficientNet's has as many elements a side as the image has channels.
bool are_large(const Operation& op, const Windows& w) {
  constexpr std::int64_t kLarge = 32;
  return op.flag("ceil_mode") && !op.has("divisor_override") && w.strides == w.size && are_all(w.padding, 0) &&
         std::ranges::max(w.size) > kLarge;
}

Tensor averages_of_large(const Operation& op, const Tensor& x, const Windows& w) {
  Tensor y = x;
  for (std::size_t side = 0; side < w.size.size(); ++side) {
    const Dim size = tf::dims_of(x)[side + 1];
    const std::int64_t window = w.size[side];
    if (window == 1) continue;
    const Tensor begin = column(op, tf::floor_div(size + window - 1, window)) * window;
    y = means(y, side, begin, tf::minimum(begin + window, size.as_tensor(op.graph())));
  }
  return y;
}

/// What is added for ceil_mode alone is never counted.
Tensor averages(const Operation& op, const Tensor& x, const Windows& w) {
  if (are_large(op, w)) return averages_of_large(op, x, w);
  const Dims more = more_of(op, x, w);
  const Tensor means = pooled("AvgPool", padded(x, w.padding, more), w);
  if (op.has("divisor_override")) {
    double elements = 1;
    for (const std::int64_t size : w.size) elements *= static_cast<double>(size);
    return means * (elements / op.number("divisor_override"));
  }
  const bool counts = op.flag("count_include_pad") || are_all(w.padding, 0);
  if (counts && is_nothing(more)) return means;
  Dims sizes = tf::dims_of(x);
  sizes.front() = sizes.back() = 1;
  const Tensor ones = tf::fill(op.graph(), sizes, op.graph().constant(1, x.dtype()));
  const Sides none(w.size.size(), 0);
  const Tensor counted = counts ? padded(padded(ones, w.padding, Dims(none.begin(), none.end()), 1), none, more)
                                : padded(ones, w.padding, more);
  return means / pooled("AvgPool", counted, w);
}

Value avg_pool(const Operation& op, int axes) {
  return result_of(op, averages(op, image_of(op, axes), windows(op, axes)), axes);
}

}  // namespace

void add_pools(Table* table) {
  for (const int axes : {1, 2, 3}) {
    const std::string dimensions = std::to_string(axes) + "d";
    table->add("aten.avg_pool" + dimensions + ".default", [=](const Operation& op) { return avg_pool(op, axes); });
    table->add("aten.max_pool" + dimensions + ".default", [=](const Operation& op) { return max_pool(op, axes); });
    table->add("aten.max_pool" + dimensions + "_with_indices.default",
               [=](const Operation& op) { return max_pool_with_places(op, axes); });
  }
}

}  // namespace crossload::lowering

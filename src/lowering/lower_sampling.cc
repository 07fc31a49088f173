// Images and films read at places of a grid, and windows of images as columns; [batch, channels, height, width] in
// PyTorch.
#include "lowering/cubic.h"
#include "lowering/table.h"
#include "tf/ops.h"

namespace crossload::lowering {
namespace {

using tf::DataType;
using tf::Dim;
using tf::Dims;
using tf::Tensor;

// The numbers of grid_sampler's modes.
enum Interpolation { kBilinear, kNearest, kBicubic };
enum Outside { kZeros, kBorder, kReflection };

/// One side of an image or a film: its size, as a number of the grid's type too.
struct Side {
  Dim size;
  Tensor length;
};

struct Sampling {
  const Operation& op;
  Tensor pixels;  // [batch, height * width, channels]; of a film frames * height * width
  std::vector<Side> sides;
  Outside outside;
  bool corners;
};

/// Where pixels are read: for each side [batch, places].
using Places = std::vector<Tensor>;

/// Places of a grid, -1 to 1 from one edge to the other, as pixels.
Tensor in_pixels(const Tensor& place, const Side& side, bool corners) {
  return corners ? (place + 1) * ((side.length - 1) * 0.5) : ((place + 1) * side.length - 1) * 0.5;
}

/// Seen in mirrors at both edges.
Tensor reflected(const Tensor& place, const Side& side, bool corners) {
  const Tensor low = tf::like(place, corners ? 0.0 : -0.5);
  const Tensor span = corners ? side.length - 1 : side.length;
  const Tensor period = tf::maximum(span * 2, 1e-6);
  const Tensor along = tf::mod(tf::abs(place - low), period);
  return tf::where(tf::equal(span, 0), tf::zeros_like(place), tf::minimum(along, period - along) + low);
}

/// What is no number is read at 0.
Tensor clipped(const Tensor& place, const Side& side) {
  return tf::minimum(tf::where(tf::greater(place, 0), place, 0), side.length - 1);
}

/// Where a place outside is read.
Tensor inside(const Tensor& place, const Side& side, const Sampling& of) {
  if (of.outside == kZeros) return place;
  return clipped(of.outside == kReflection ? reflected(place, side, of.corners) : place, side);
}

/// [batch, places, channels]: the pixels at whole places; zeros for what is outside.
Tensor pixels_at(const Sampling& of, const Places& places) {
  std::optional<Tensor> number;  // counted along rows
  std::optional<Tensor> is_inside;
  for (std::size_t i = 0; i < places.size(); ++i) {
    const Tensor place = clipped(places[i], of.sides[i]);
    const Tensor whole = tf::cast(place, DataType::kInt32);
    number = number ? *number * of.sides[i].size + whole : whole;
    const Tensor is_same = tf::equal(place, places[i]);
    is_inside = is_inside ? tf::logical_and(*is_inside, is_same) : is_same;
  }
  const Tensor found = tf::gather(of.pixels, *number, 1, 1);
  return of.outside == kZeros ? tf::where(tf::expand_dims(*is_inside, -1), found, 0) : found;
}

/// Of the pixels round a place, two along each side, each counts the more the nearer it is.
Tensor linear(const Sampling& of, const Places& places) {
  const std::size_t sides = places.size();
  std::optional<Tensor> sum;
  for (std::size_t corner = 0; corner < std::size_t(1) << sides; ++corner) {
    Places at;
    std::optional<Tensor> weight;
    for (std::size_t i = 0; i < sides; ++i) {
      const bool is_after = (corner >> (sides - 1 - i)) % 2 == 1;
      const Tensor first = tf::floor(places[i]);
      at.push_back(is_after ? first + 1 : first);
      const Tensor of_side = is_after ? places[i] - first : first + 1 - places[i];
      weight = weight ? *weight * of_side : of_side;
    }
    const Tensor part = pixels_at(of, at) * tf::expand_dims(*weight, -1);
    sum = sum ? *sum + part : part;
  }
  return *sum;
}

Tensor nearest(const Sampling& of, Places places) {
  for (Tensor& place : places) place = tf::round(place);
  return pixels_at(of, places);
}

/// Of images alone.
Tensor bicubic(const Sampling& of, const Places& places) {
  const Tensor top = tf::floor(places[0]);
  const Tensor left = tf::floor(places[1]);
  const auto down = cubic_weights(places[0] - top);
  const auto right = cubic_weights(places[1] - left);
  std::optional<Tensor> sum;
  for (int i = 0; i < 4; ++i) {
    std::optional<Tensor> line;
    const Tensor y = inside(top + (i - 1), of.sides[0], of);
    for (int j = 0; j < 4; ++j) {
      const Tensor pixel = pixels_at(of, {y, inside(left + (j - 1), of.sides[1], of)});
      const Tensor part = pixel * tf::expand_dims(right[static_cast<std::size_t>(j)], -1);
      line = line ? *line + part : part;
    }
    const Tensor part = *line * tf::expand_dims(down[static_cast<std::size_t>(i)], -1);
    sum = sum ? *sum + part : part;
  }
  return *sum;
}

/// Of films PyTorch reads what is no number at the last pixel, or outside.
Tensor number_of_film(const Tensor& place, const Side& side, Outside outside) {
  const Tensor otherwise = outside == kZeros ? tf::like(place, -2) : side.length - 1;
  return tf::where(tf::is_nan(place), otherwise, place);
}

/// The image, and grid [batch, sides..., 2]: for each pixel of the result where it is read, across first. Of films 3.
Value grid_sampler(const Operation& op) {
  const Dims dims = op.dims_of("input");
  const Dim channels = dims.at(1);
  Dims sizes = op.dims_of("grid");
  const std::size_t sides = sizes.size() - 2;
  Dim pixels = 1;
  Dim places = 1;
  for (std::size_t i = 0; i < sides; ++i) {
    pixels = pixels * dims.at(i + 2);
    places = places * sizes[i + 1];
  }
  const Tensor grid = reshaped(op.tensor("grid"), {sizes[0], places, sides});
  Sampling of = {op,
                 reshaped(op.forms("input").channels_last(), {dims[0], pixels, channels}),
                 {},
                 static_cast<Outside>(op.integer("padding_mode")),
                 op.flag("align_corners")};
  const std::int64_t mode = op.integer("interpolation_mode");
  Places at;
  for (std::size_t i = 0; i < sides; ++i) {
    of.sides.push_back({dims[i + 2], tf::like(grid, dims[i + 2])});
    Tensor place = in_pixels(tf::select(grid, 2, sides - 1 - i), of.sides[i], of.corners);
    if (sides == 3) place = number_of_film(place, of.sides[i], of.outside);
    at.push_back(mode == kBicubic ? place : inside(place, of.sides[i], of));
  }
  const Tensor found = mode == kBilinear ? linear(of, at) : mode == kNearest ? nearest(of, at) : bicubic(of, at);
  sizes.back() = channels;
  return Forms::channels_last(reshaped(found, sizes));
}

/// Windows of one side of an image: where the k-th element of the i-th window lies, [size, windows], and how many
/// windows there are.
struct Windows {
  std::int64_t size;
  std::int64_t padding;
  Dim count;
  Tensor places;
};

Windows windows(const Operation& op, std::size_t side, const Dim& length) {
  const auto part = [&](const char* name) {
    const std::vector<std::int64_t> given = op.integers(name);
    return given.size() == 1 ? given.front() : given.at(side);
  };
  const std::int64_t size = part("kernel_size");
  const std::int64_t stride = part("stride");
  const std::int64_t dilation = part("dilation");
  const std::int64_t padding = part("padding");
  const Dim count = tf::floor_div(length + 2 * padding - (dilation * (size - 1) + 1), stride) + 1;
  const Tensor places = tf::expand_dims(tf::range(op.graph(), size) * dilation, 1) +
                        tf::expand_dims(tf::range(op.graph(), count) * stride, 0);
  return {size, padding, count, places};
}

/// [batch, channels, height, width] -> [batch, channels * window, windows]
Value im2col(const Operation& op) {
  const bool has_batch = op.rank_of("self") == 4;
  const Tensor given = has_batch ? op.tensor("self") : tf::expand_dims(op.tensor("self"), 0);
  const Dims dims = tf::dims_of(given);
  const Windows rows = windows(op, 0, dims[2]);
  const Windows columns = windows(op, 1, dims[3]);
  const Tensor x = tf::pad(given, {{0, 0}, {0, 0}, {rows.padding, rows.padding}, {columns.padding, columns.padding}});
  const Tensor by_row = tf::gather(x, rows.places, 2);               // [batch, channels, k, rows, width]
  const Tensor by_both = tf::gather(by_row, columns.places, 4);      // [batch, channels, k, rows, l, columns]
  const Tensor sorted = tf::transpose(by_both, {0, 1, 2, 4, 3, 5});  // [batch, channels, k, l, rows, columns]
  const Tensor y = reshaped(sorted, {dims[0], dims[1] * Dim(rows.size * columns.size), rows.count * columns.count});
  return has_batch ? y : tf::squeeze(y, 0);
}

/// The other way round: what lies in several windows is their sum.
Value col2im(const Operation& op) {
  const bool has_batch = op.rank_of("self") == 3;
  const Tensor given = has_batch ? op.tensor("self") : tf::expand_dims(op.tensor("self"), 0);
  const Dims dims = tf::dims_of(given);
  const Dims size = op.dims("output_size");
  const Windows rows = windows(op, 0, size.at(0));
  const Windows columns = windows(op, 1, size.at(1));
  const Dim channels = tf::floor_div(dims[1], rows.size * columns.size);
  const Tensor apart = reshaped(given, {dims[0], channels, rows.size, columns.size, rows.count, columns.count});
  const Dims grid = {rows.size, columns.size, rows.count, columns.count};
  const Tensor row = tf::broadcast_to(tf::expand_dims(tf::expand_dims(rows.places, 1), 3), grid);
  const Tensor column = tf::broadcast_to(tf::expand_dims(tf::expand_dims(columns.places, 0), 2), grid);
  const Dim height = size[0] + 2 * rows.padding;
  const Dim width = size[1] + 2 * columns.padding;
  Tensor sum = tf::scatter_nd(tf::stack({row, column}, -1), tf::transpose(apart, {2, 3, 4, 5, 0, 1}),
                              {height, width, dims[0], channels});
  sum = tf::slice(sum, 0, rows.padding, size[0] + rows.padding);
  sum = tf::slice(sum, 1, columns.padding, size[1] + columns.padding);
  const Tensor y = tf::transpose(sum, {2, 3, 0, 1});
  return has_batch ? y : tf::squeeze(y, 0);
}

}  // namespace

void add_sampling(Table* table) {
  table->add_each({"aten.grid_sampler.default", "aten.grid_sampler_2d.default", "aten.grid_sampler_3d.default"},
                  grid_sampler);
  table->add("aten.im2col.default", im2col);
  table->add("aten.col2im.default", col2im);
}

}  // namespace crossload::lowering

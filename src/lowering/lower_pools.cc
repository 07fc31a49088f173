// Pools: means and maxima of the windows of images, [batch, channels, height, width] in PyTorch.
#include <algorithm>
#include <array>
#include <limits>
#include <optional>

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

/// How many windows come before the last one where that need not be whole (ceil_mode): PyTorch drops one that begins
/// beyond the image and its padding.
Dim before_last(const Dim& size, std::int64_t kernel, std::int64_t stride, std::int64_t padding) {
  const Dim span = size + 2 * padding - kernel;
  return tf::minimum(tf::floor_div(span + stride - 1, stride), tf::floor_div(size + padding - 1, stride));
}

/// How much more of the image that last window takes at the end.
Dim more_at_end(const Dim& size, std::int64_t kernel, std::int64_t stride, std::int64_t padding) {
  return tf::maximum(0, before_last(size, kernel, stride, padding) * stride + kernel - size - 2 * padding);
}

bool has_batch(const Operation& op, bool is_row) { return op.rank_of("self") == (is_row ? 3 : 4); }

/// [batch, height, width, channels]: a batch of one, and an image of one row, for what has none.
Tensor image_of(const Operation& op, bool is_row) {
  const Tensor x = has_batch(op, is_row) ? op.forms("self").channels_last()
                                         : Forms::plain(tf::expand_dims(op.tensor("self"), 0))->channels_last();
  return is_row ? tf::expand_dims(x, 1) : x;
}

Value result_of(const Operation& op, const Tensor& y, bool is_row) {
  const auto result = Forms::channels_last(is_row ? tf::squeeze(y, 1) : y);
  return has_batch(op, is_row) ? Value(result) : Value(tf::squeeze(result->plain(), 0));
}

tf::Padding padding_of(const Window& w) { return {{w.padding[0], w.padding[0]}, {w.padding[1], w.padding[1]}}; }

/// The image, [batch, height, width, channels], with so much of a value around it.
Tensor padded(const Tensor& x, const Pair& before, const Dims& after, double value = 0) {
  return tf::pad(x, {{0, 0}, {before[0], after[0]}, {before[1], after[1]}, {0, 0}}, value);
}

/// What ceil_mode adds to the image at the end of both sides.
Dims more_of(const Operation& op, const Tensor& x, const Window& w) {
  if (!op.flag("ceil_mode")) return {0, 0};
  const Dims dims = tf::dims_of(x);
  return {more_at_end(dims[1], w.size[0], w.strides[0], w.padding[0]),
          more_at_end(dims[2], w.size[1], w.strides[1], w.padding[1])};
}

bool is_nothing(const Dims& more) {
  return std::all_of(more.begin(), more.end(), [](const Dim& dim) { return dim.known() && dim.size() == 0; });
}

Value max_pool(const Operation& op, bool is_row) {
  for (const std::int64_t dilation : op.integers("dilation")) {
    if (dilation != 1) op.fail("dilation is not supported");
  }
  const Tensor x = image_of(op, is_row);
  const Window w = window(op, is_row);
  const Dims more = more_of(op, x, w);
  if (is_nothing(more)) return result_of(op, tf::max_pool(x, {w.size, w.strides, padding_of(w)}), is_row);
  const Dims after = {more[0] + w.padding[0], more[1] + w.padding[1]};
  const Tensor whole = padded(x, w.padding, after, -std::numeric_limits<double>::infinity());
  return result_of(op, tf::max_pool(whole, {w.size, w.strides}), is_row);
}

/// float32 [windows, size]: 1 for what each window of one side takes; and [windows, 1] how many elements count. What is
/// added for ceil_mode alone never does.
std::pair<Tensor, Tensor> windows_of(const Operation& op, const Dim& size, std::int64_t kernel, std::int64_t stride,
                                     std::int64_t padding) {
  const Dim count = before_last(size, kernel, stride, padding) + 1;
  const Tensor begin = tf::expand_dims(tf::range(op.graph(), count), 1) * stride - padding;
  const Tensor last = size.as_tensor(op.graph());
  const Tensor end = tf::minimum(begin + kernel, last + padding);
  const Tensor j = tf::expand_dims(tf::range(op.graph(), size), 0);
  const Tensor takes = tf::logical_and(tf::less_equal(begin, j), tf::less(j, end));
  const Tensor counted = op.flag("count_include_pad") ? end - begin : tf::minimum(end, last) - tf::maximum(begin, 0);
  return {tf::cast(takes, tf::DataType::kFloat), tf::cast(counted, tf::DataType::kFloat)};
}

/// The means of windows of which the last ones are not whole, by a product with a matrix for each side: a window may be
/// far larger than the image.
Tensor averages_of_parts(const Operation& op, const Tensor& x, const Window& w) {
  if (!tf::is_floating(op.dtype())) op.fail("of integers is not supported with ceil_mode");
  const bool is_divided = !op.has("divisor_override");
  const Dims dims = tf::dims_of(x);
  Tensor y = x;
  for (std::size_t side = 0; side < 2; ++side) {
    const auto [takes, counted] = windows_of(op, dims[side + 1], w.size[side], w.strides[side], w.padding[side]);
    const Tensor weights = is_divided ? takes / counted : takes;
    y = tf::einsum(side == 0 ? "oh,bhwc->bowc" : "ow,bhwc->bhoc", converted(weights, y.dtype()), y);
  }
  return is_divided ? y : y * (1 / op.number("divisor_override"));
}

Tensor averages(const Operation& op, const Tensor& x, const Window& w) {
  if (!is_nothing(more_of(op, x, w))) return averages_of_parts(op, x, w);
  if (!op.has("divisor_override")) {
    return tf::avg_pool(x, {w.size, w.strides, padding_of(w)}, op.flag("count_include_pad"));
  }
  const double elements = static_cast<double>(w.size[0] * w.size[1]);
  const Tensor whole = padded(x, w.padding, {w.padding[0], w.padding[1]});
  return tf::avg_pool(whole, {w.size, w.strides}) * (elements / op.number("divisor_override"));
}

Value avg_pool(const Operation& op, bool is_row) {
  return result_of(op, averages(op, image_of(op, is_row), window(op, is_row)), is_row);
}

/// Pools of films, [batch, channels, frames, height, width] in PyTorch.
Value pool_of_films(const Operation& op, const char* type) {
  if (op.rank_of("self") != 5) op.fail("without a batch is not supported");
  const auto all = [&](const char* name, std::int64_t otherwise) {
    std::vector<std::int64_t> given = op.has(name) ? op.integers(name) : std::vector<std::int64_t>();
    if (given.empty()) given = {otherwise};
    given.resize(3, given.back());
    return given;
  };
  const bool is_plain = !op.flag("ceil_mode") && !op.has("divisor_override");
  const bool is_dense = !op.node().args.contains("dilation") || all("dilation", 1) == std::vector<std::int64_t>(3, 1);
  if (!is_plain || !is_dense || all("padding", 0) != std::vector<std::int64_t>(3, 0)) {
    op.fail("over three axes with padding, dilation, ceil_mode or a divisor is not supported");
  }
  const auto of_film = [](const std::vector<std::int64_t>& sizes) {
    return std::vector<std::int64_t>{1, sizes[0], sizes[1], sizes[2], 1};
  };
  const std::vector<std::int64_t> size = all("kernel_size", 1);
  const std::vector<std::int64_t> given = op.has("stride") ? op.integers("stride") : std::vector<std::int64_t>();
  return Forms::channels_last(op.graph()
                                  .operation(type)
                                  .input(op.forms("self").channels_last())
                                  .integers("ksize", of_film(size))
                                  .integers("strides", of_film(given.empty() ? size : all("stride", 1)))
                                  .text("padding", "VALID")
                                  .output());
}

/// Where the i-th of `output` parts of `input` elements begins, and ends; parts overlap where the sizes do not divide.
Dim begin_of(const Dim& i, const Dim& input, const Dim& output) { return tf::floor_div(i * input, output); }
Dim end_of(const Dim& i, const Dim& input, const Dim& output) {
  return tf::floor_div((i + 1) * input + output - 1, output);
}

/// float32 [output, input]: the mean of each of so many parts of an axis.
Tensor means(const Operation& op, const Dim& input, const Dim& output) {
  const Tensor i = tf::expand_dims(tf::range(op.graph(), output), 1);
  const Tensor j = tf::expand_dims(tf::range(op.graph(), input), 0);
  const Tensor size = input.as_tensor(op.graph());
  const Tensor parts = output.as_tensor(op.graph());
  const Tensor begin = tf::floor_div(i * size, parts);
  const Tensor end = tf::floor_div((i + 1) * size + parts - 1, parts);
  const Tensor is_part = tf::logical_and(tf::less_equal(begin, j), tf::less(j, end));
  return tf::cast(is_part, tf::DataType::kFloat) / tf::cast(end - begin, tf::DataType::kFloat);
}

/// Of both sides; a size that is None stays.
std::array<std::optional<Dim>, 2> sizes_of_result(const Operation& op, bool is_row) {
  const auto& shape = op.node().result.index() == 1 ? op.type().shape : op.types().front()->shape;
  std::array<std::optional<Dim>, 2> sizes = {};
  for (std::size_t side = is_row ? 1 : 0; side < 2; ++side) {
    const auto* size = std::get_if<std::int64_t>(&shape[shape.size() - 2 + side]);
    if (size != nullptr) {
      sizes[side] = *size;
      continue;
    }
    const Value given = op.value("output_size");
    const auto* list = given.get<Value::List>();
    const Value of_side = list == nullptr ? given : list->size() == 1 ? list->front() : list->at(side);
    if (const auto* dim = of_side.get<Dim>()) sizes[side] = *dim;
  }
  return sizes;
}

bool is_one(const std::optional<Dim>& size) { return size && size->known() && size->size() == 1; }

Value adaptive_avg_pool(const Operation& op, bool is_row) {
  const Tensor x = image_of(op, is_row);
  const auto output = sizes_of_result(op, is_row);
  if ((is_row || is_one(output[0])) && is_one(output[1]))
    return result_of(op, tf::reduce_mean(x, {1, 2}, true), is_row);
  Tensor y = x;
  const Dims dims = tf::dims_of(x);
  for (int side = 0; side < 2; ++side) {
    const Dim& input = dims[static_cast<std::size_t>(side) + 1];
    if (!output[static_cast<std::size_t>(side)]) continue;
    const Dim& wanted = *output[static_cast<std::size_t>(side)];
    if (input.known() && wanted.known() && input.size() == wanted.size()) continue;
    const char* equation = side == 0 ? "oh,bhwc->bowc" : "ow,bhwc->bhoc";
    y = tf::einsum(equation, converted(means(op, input, wanted), y.dtype()), y);
  }
  return result_of(op, y, is_row);
}

Value adaptive_max_pool(const Operation& op, bool is_row) {
  Tensor y = image_of(op, is_row);
  const auto output = sizes_of_result(op, is_row);
  for (int side = 0; side < 2; ++side) {
    const Dim input = tf::dims_of(y)[static_cast<std::size_t>(side) + 1];
    if (!output[static_cast<std::size_t>(side)]) continue;
    const Dim& wanted = *output[static_cast<std::size_t>(side)];
    if (!wanted.known()) op.fail("is supported for results of known sizes");
    if (input.known() && input.size() == wanted.size()) continue;
    std::vector<Tensor> parts;
    for (std::int64_t i = 0; i < wanted.size(); ++i) {
      const Tensor part =
          wanted.size() == 1 ? y : tf::slice(y, side + 1, begin_of(i, input, wanted), end_of(i, input, wanted));
      parts.push_back(tf::reduce_max(part, {side + 1}, true));
    }
    y = parts.size() == 1 ? parts.front() : tf::concat(parts, side + 1);
  }
  return Value::List{result_of(op, y, is_row), {}};
}

}  // namespace

void add_pools(Table* table) {
  table->add("aten.max_pool2d.default", [](const Operation& op) { return max_pool(op, false); });
  table->add("aten.max_pool1d.default", [](const Operation& op) { return max_pool(op, true); });
  table->add("aten.max_pool2d_with_indices.default", [](const Operation& op) {
    return Value(Value::List{max_pool(op, false), {}});
  });
  table->add("aten.avg_pool2d.default", [](const Operation& op) { return avg_pool(op, false); });
  table->add("aten.avg_pool1d.default", [](const Operation& op) { return avg_pool(op, true); });
  table->add("aten.max_pool3d.default", [](const Operation& op) { return pool_of_films(op, "MaxPool3D"); });
  table->add("aten.avg_pool3d.default", [](const Operation& op) { return pool_of_films(op, "AvgPool3D"); });
  table->add("aten.adaptive_max_pool2d.default", [](const Operation& op) { return adaptive_max_pool(op, false); });
  table->add("aten.adaptive_max_pool1d.default", [](const Operation& op) { return adaptive_max_pool(op, true); });
  table->add_each({"aten.adaptive_avg_pool2d.default", "aten._adaptive_avg_pool2d.default"},
                  [](const Operation& op) { return adaptive_avg_pool(op, false); });
  table->add("aten.adaptive_avg_pool1d.default", [](const Operation& op) { return adaptive_avg_pool(op, true); });
}

}  // namespace crossload::lowering

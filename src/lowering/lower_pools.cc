// Pools: means and maxima of the windows of images, [batch, channels, height, width] in PyTorch.
#include <algorithm>

#include "lowering/table.h"
#include "tf/ops.h"

namespace crossload::lowering {
namespace {

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

tf::Padding padding_of(const Operation& op, const Tensor& x, const Window& w) {
  if (!op.flag("ceil_mode")) return {{w.padding[0], w.padding[0]}, {w.padding[1], w.padding[1]}};
  const auto end = [&](std::size_t side) {
    return w.padding[side] +
           more_at_end(op, x.dim(static_cast<int>(side) + 1), w.size[side], w.strides[side], w.padding[side]);
  };
  return {{w.padding[0], end(0)}, {w.padding[1], end(1)}};
}

Value max_pool(const Operation& op, bool is_row) {
  for (const std::int64_t dilation : op.integers("dilation")) {
    if (dilation != 1) op.fail("dilation is not supported");
  }
  const Tensor x = image_of(op, is_row);
  const Window w = window(op, is_row);
  return result_of(op, tf::max_pool(x, {w.size, w.strides, padding_of(op, x, w)}), is_row);
}

/// What is added for ceil_mode alone is never counted.
Tensor averages(const Operation& op, const Tensor& x, const Window& w) {
  const tf::Padding padding = padding_of(op, x, w);
  if (op.has("divisor_override")) {
    const double elements = static_cast<double>(w.size[0] * w.size[1]);
    return tf::avg_pool(x, {w.size, w.strides, padding}, true) * (elements / op.number("divisor_override"));
  }
  const bool counts = op.flag("count_include_pad");
  const Pair more = {padding.rows()[1] - w.padding[0], padding.columns()[1] - w.padding[1]};
  if (!counts || more == Pair{0, 0}) return tf::avg_pool(x, {w.size, w.strides, padding}, counts);
  const auto both = [](std::int64_t size) { return std::pair<tf::Dim, tf::Dim>(size, size); };
  const Tensor padded = tf::pad(x, {both(0), both(w.padding[0]), both(w.padding[1]), both(0)});
  return tf::avg_pool(padded, {w.size, w.strides, {{0, more[0]}, {0, more[1]}}}, false);
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
std::int64_t begin_of(std::int64_t i, std::int64_t input, std::int64_t output) { return i * input / output; }
std::int64_t end_of(std::int64_t i, std::int64_t input, std::int64_t output) {
  return ((i + 1) * input + output - 1) / output;
}

/// The rows of a matrix that takes the mean of each of `output` parts of `input` elements.
Tensor means(const Operation& op, std::int64_t input, std::int64_t output) {
  std::vector<float> matrix(static_cast<std::size_t>(input * output), 0);
  for (std::int64_t i = 0; i < output; ++i) {
    const std::int64_t begin = begin_of(i, input, output);
    const std::int64_t end = end_of(i, input, output);
    for (std::int64_t j = begin; j < end; ++j) {
      matrix[static_cast<std::size_t>(i * input + j)] = 1 / static_cast<float>(end - begin);
    }
  }
  return op.graph().constant(
      tf::HostTensor::of<float>(op.graph().library(), {output, input}, std::span<const float>(matrix)));
}

/// A size that is None stays.
Pair sizes_of_result(const Operation& op, const Tensor& x, bool is_row) {
  const auto& shape = op.node().result.index() == 1 ? op.type().shape : op.types().front()->shape;
  Pair sizes = {1, 1};
  for (std::size_t side = is_row ? 1 : 0; side < 2; ++side) {
    const auto* size = std::get_if<std::int64_t>(&shape[shape.size() - 2 + side]);
    sizes[side] = size == nullptr ? x.dim(static_cast<int>(side) + 1) : *size;
  }
  return sizes;
}

Value adaptive_avg_pool(const Operation& op, bool is_row) {
  const Tensor x = image_of(op, is_row);
  const Pair output = sizes_of_result(op, x, is_row);
  if (output == Pair{1, 1}) return result_of(op, tf::reduce_mean(x, {1, 2}, true), is_row);
  Tensor y = x;
  for (int side = 0; side < 2; ++side) {
    const std::int64_t input = x.dim(side + 1);
    const std::int64_t wanted = output[static_cast<std::size_t>(side)];
    if (input < 0) op.fail("is supported for images of known sizes");
    if (input == wanted) continue;
    const char* equation = side == 0 ? "oh,bhwc->bowc" : "ow,bhwc->bhoc";
    y = tf::einsum(equation, converted(means(op, input, wanted), y.dtype()), y);
  }
  return result_of(op, y, is_row);
}

Value adaptive_max_pool(const Operation& op, bool is_row) {
  Tensor y = image_of(op, is_row);
  const Pair output = sizes_of_result(op, y, is_row);
  for (int side = 0; side < 2; ++side) {
    const std::int64_t input = y.dim(side + 1);
    const std::int64_t wanted = output[static_cast<std::size_t>(side)];
    if (input < 0 && wanted != 1) op.fail("is supported for images of known sizes");
    if (input == wanted) continue;
    std::vector<Tensor> parts;
    for (std::int64_t i = 0; i < wanted; ++i) {
      const Tensor part =
          wanted == 1 ? y : tf::slice(y, side + 1, begin_of(i, input, wanted), end_of(i, input, wanted));
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

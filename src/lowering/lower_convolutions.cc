// Convolutions over one, two or three axes, [batch, channels, ...] in PyTorch.
#include <algorithm>

#include "lowering/table.h"
#include "tf/ops.h"

namespace crossload::lowering {
namespace {

using tf::Pair;
using tf::Tensor;

/// An argument for each side: one number stands for both, and what has one axis is an image of one row.
Pair sides(const Operation& op, const char* name, bool is_row, std::int64_t neutral) {
  const std::vector<std::int64_t> given = op.integers(name);
  if (given.empty()) return {neutral, neutral};
  return is_row ? Pair{neutral, given.front()} : Pair{given.front(), given.back()};
}

/// [height, width, in, out] of [out, in, height, width], or of [out, in, width]: the variable is kept so where nothing
/// else reads it. (Of a transposed convolution out and in are the other way round, on both sides.)
Tensor kernel_of(const Operation& op, bool is_row) {
  const Tensor weight = op.tensor("weight");
  const keras::Variable* variable = op.variable("weight");
  if (variable != nullptr && variable->from_pytorch == tensor::Layout::kConv2D) return weight;
  if (variable != nullptr && variable->from_pytorch == tensor::Layout::kConv1D) return tf::expand_dims(weight, 0);
  if (!is_row) return tf::transpose(weight, {2, 3, 1, 0});
  return tf::expand_dims(tf::transpose(weight, {2, 1, 0}), 0);
}

/// "same" puts the odd one at the end.
tf::Padding padding_of(const Operation& op, const Tensor& kernel, const Pair& dilations, bool is_row) {
  const auto* text = op.node().args.at("padding").get<std::string>();
  if (text == nullptr) {
    const Pair padding = sides(op, "padding", is_row, 0);
    return {{padding[0], padding[0]}, {padding[1], padding[1]}};
  }
  if (*text == "valid") return tf::Padding::valid();
  const auto side = [&](std::size_t i) {
    const std::int64_t all = dilations[i] * (kernel.dim(static_cast<int>(i)) - 1);
    return Pair{all / 2, all - all / 2};
  };
  return {side(0), side(1)};
}

/// [batch, ..., channels]: a batch of one for what has none.
Tensor batch_of(const Operation& op) {
  if (op.rank_of("input") == op.rank_of("weight")) return op.forms("input").channels_last();
  return Forms::plain(tf::expand_dims(op.tensor("input"), 0))->channels_last();
}

Value result_of(const Operation& op, const Tensor& y) {
  const auto result = Forms::channels_last(y);
  return op.rank_of("input") == op.rank_of("weight") ? Value(result) : Value(tf::squeeze(result->plain(), 0));
}

/// Three sizes; one number stands for all.
std::vector<std::int64_t> three(const Operation& op, const char* name) {
  std::vector<std::int64_t> given = op.integers(name);
  given.resize(3, given.back());
  return given;
}

bool is_transposed(const Operation& op) {
  return op.node().op.find("transpose") != std::string::npos || (op.has("transposed") && op.flag("transposed"));
}

bool are_all(const std::vector<std::int64_t>& values, std::int64_t wanted) {
  return std::ranges::all_of(values, [=](std::int64_t value) { return value == wanted; });
}

/// Frames, height and width that a kernel covers.
std::vector<std::int64_t> window_of(const Operation& op) {
  const std::vector<std::int64_t> dilations = three(op, "dilation");
  std::vector<std::int64_t> sizes;
  for (int i = 0; i < 3; ++i) {
    const tf::Dim size = op.dim_of("weight", i + 2);
    if (!size.known()) op.fail("is supported for weights of known sizes");
    sizes.push_back((size.size() - 1) * dilations[static_cast<std::size_t>(i)] + 1);
  }
  return sizes;
}

/// One with windows that do not overlap, as cut a film into patches, is a product of matrices.
Value patches(const Operation& op, const Tensor& film) {
  const std::vector<std::int64_t> window = window_of(op);
  const tf::Dims dims = tf::dims_of(film);  // [batch, frames, height, width, channels]
  Tensor x = film;
  tf::Dims apart = {dims[0]};
  for (std::size_t i = 0; i < 3; ++i) {
    apart.push_back(tf::floor_div(dims[i + 1], window[i]));
    apart.emplace_back(window[i]);
    const tf::Dim whole = apart[2 * i + 1] * apart[2 * i + 2];  // what is left over at the end has no window
    if (!(dims[i + 1].known() && whole.known() && dims[i + 1].size() == whole.size())) {
      x = tf::slice(x, static_cast<int>(i) + 1, std::nullopt, whole);
    }
  }
  apart.push_back(dims[4]);
  const std::int64_t outputs = op.dim_of("weight", 0).size();
  const std::int64_t elements = op.dim_of("weight", 1).size() * window[0] * window[1] * window[2];
  const Tensor by_window = tf::transpose(reshaped(x, apart), {0, 1, 3, 5, 7, 2, 4, 6});
  const Tensor rows = tf::reshape(by_window, {-1, elements});
  Tensor y = tf::matmul(rows, tf::reshape(op.tensor("weight"), {outputs, elements}), false, true);
  if (op.has("bias")) y = tf::bias_add(y, op.tensor("bias"));
  return result_of(op, reshaped(y, {apart[0], apart[1], apart[3], apart[5], outputs}));
}

/// [frames, height, width, a, b] with zeros between the elements: what a dilated convolution multiplies with.
/// TensorFlow knows no dilation of films on a CPU.
Tensor dilated(const Tensor& kernel, const std::vector<std::int64_t>& dilations) {
  Tensor y = kernel;
  for (int axis = 0; axis < 3; ++axis) {
    const std::int64_t dilation = dilations[static_cast<std::size_t>(axis)];
    const std::int64_t size = kernel.dim(axis);
    if (dilation == 1 || size == 1) continue;
    tf::Paddings after_each(6, {0, 0});
    after_each[static_cast<std::size_t>(axis) + 1] = {0, dilation - 1};
    const Tensor spread = tf::pad(tf::expand_dims(y, axis + 1), after_each);
    tf::Dims joined = tf::dims_of(y);
    joined[static_cast<std::size_t>(axis)] = size * dilation;
    y = tf::slice(tf::reshape(spread, joined), axis, 0, (size - 1) * dilation + 1);
  }
  return y;
}

/// f of the channels of each group and their kernel.
template <class F>
Tensor by_groups_of_films(const Operation& op, const Tensor& x, const F& f) {
  const Tensor kernel = dilated(tf::transpose(op.tensor("weight"), {2, 3, 4, 1, 0}), three(op, "dilation"));
  const auto groups = static_cast<int>(op.integer("groups"));
  if (groups == 1) return f(x, kernel);
  const std::vector<Tensor> inputs = tf::split(x, groups, -1);
  const std::vector<Tensor> kernels = tf::split(kernel, groups, -1);
  std::vector<Tensor> outputs;
  for (std::size_t i = 0; i < inputs.size(); ++i) outputs.push_back(f(inputs[i], kernels[i]));
  return tf::concat(outputs, -1);
}

/// Each element is spread over a window; what is said to be padding is cut off of the whole.
Value transposed_convolution_of_films(const Operation& op) {
  const Tensor x = batch_of(op);
  const std::vector<std::int64_t> window = window_of(op);
  const std::vector<std::int64_t> strides = three(op, "stride");
  const std::vector<std::int64_t> padding = three(op, "padding");
  const std::vector<std::int64_t> more = three(op, "output_padding");
  const tf::Dims dims = tf::dims_of(x);
  tf::Dims whole = {dims[0]};
  for (std::size_t i = 0; i < 3; ++i) {
    whole.push_back((dims[i + 1] - 1) * strides[i] + window[i]);
  }
  whole.push_back(op.dim_of("weight", 1));
  Tensor y = by_groups_of_films(op, x, [&](const Tensor& part, const Tensor& kernel) {
    return op.graph()
        .operation("Conv3DBackpropInputV2")
        .input(tf::pack_dims(op.graph(), whole))
        .input(kernel)
        .input(part)
        .integers("strides", {1, strides[0], strides[1], strides[2], 1})
        .text("padding", "VALID")
        .output();
  });
  tf::Paddings beyond(5, {0, 0});  // where no window reaches
  for (std::size_t i = 0; i < 3; ++i) {
    const tf::Dim end = whole[i + 1] + (more[i] - padding[i]);
    if (padding[i] > 0) y = tf::slice(y, static_cast<int>(i) + 1, padding[i], end);
    beyond[i + 1].second = std::max<std::int64_t>(0, more[i] - padding[i]);
  }
  if (std::ranges::any_of(beyond, [](const auto& axis) { return axis.second.size() > 0; })) y = tf::pad(y, beyond);
  if (op.has("bias")) y = tf::bias_add(y, op.tensor("bias"));
  return result_of(op, y);
}

/// Over three axes, [batch, channels, frames, height, width] in PyTorch.
Value convolution_of_films(const Operation& op) {
  if (is_transposed(op)) return transposed_convolution_of_films(op);
  const Tensor x = batch_of(op);
  const std::vector<std::int64_t> window = window_of(op);
  const std::vector<std::int64_t> strides = three(op, "stride");
  std::vector<std::int64_t> before(3, 0);
  std::vector<std::int64_t> after(3, 0);
  if (const auto* text = op.node().args.at("padding").get<std::string>(); text == nullptr) {
    before = after = three(op, "padding");
  } else if (*text == "same") {
    for (std::size_t i = 0; i < 3; ++i) {
      before[i] = (window[i] - 1) / 2;
      after[i] = window[i] - 1 - before[i];
    }
  }
  const bool is_padded = !are_all(before, 0) || !are_all(after, 0);
  const bool is_dense = are_all(three(op, "dilation"), 1);
  if (!is_padded && is_dense && strides == window && op.integer("groups") == 1) return patches(op, x);
  tf::Paddings paddings = {{0, 0}};
  for (std::size_t i = 0; i < 3; ++i) paddings.emplace_back(before[i], after[i]);
  paddings.emplace_back(0, 0);
  const Tensor padded = is_padded ? tf::pad(x, paddings) : x;
  Tensor y = by_groups_of_films(op, padded, [&](const Tensor& part, const Tensor& kernel) {
    return op.graph()
        .operation("Conv3D")
        .input(part)
        .input(kernel)
        .integers("strides", {1, strides[0], strides[1], strides[2], 1})
        .text("padding", "VALID")
        .output();
  });
  if (op.has("bias")) y = tf::bias_add(y, op.tensor("bias"));
  return result_of(op, y);
}

Value convolution(const Operation& op) {
  const int rank = op.rank_of("weight");
  if (rank > 4) return convolution_of_films(op);
  const bool is_row = rank == 3;
  Tensor x = batch_of(op);
  if (is_row) x = tf::expand_dims(x, 1);
  const Tensor kernel = kernel_of(op, is_row);
  tf::Convolution options;
  options.strides = sides(op, "stride", is_row, 1);
  options.dilations = sides(op, "dilation", is_row, 1);
  options.padding = padding_of(op, kernel, options.dilations, is_row);
  options.groups = op.integer("groups");
  Tensor y = is_transposed(op) ? tf::conv2d_transpose(x, kernel, options, sides(op, "output_padding", is_row, 0))
                               : tf::conv2d(x, kernel, options);
  if (op.has("bias")) y = tf::bias_add(y, op.tensor("bias"));
  return result_of(op, is_row ? tf::squeeze(y, 1) : y);
}

}  // namespace

void add_convolutions(Table* table) {
  table->add_each({"aten.conv1d.default", "aten.conv1d.padding", "aten.conv2d.default", "aten.conv2d.padding",
                   "aten.convolution.default", "aten.conv3d.default", "aten.conv3d.padding",
                   "aten.conv_transpose1d.default", "aten.conv_transpose2d.input", "aten.conv_transpose3d.input"},
                  convolution);
}

}  // namespace crossload::lowering

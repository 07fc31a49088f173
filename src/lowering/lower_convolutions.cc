// Convolutions over one or two axes, [batch, channels, ...] in PyTorch.
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
  if (variable != nullptr && variable->layout == tensor::Layout::kConv2D) return weight;
  if (variable != nullptr && variable->layout == tensor::Layout::kConv1D) return tf::expand_dims(weight, 0);
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

Value convolution(const Operation& op) {
  const int rank = op.rank_of("input");
  if (op.rank_of("weight") != rank) op.fail("without a batch is not supported");
  if (rank > 4) op.fail("over three axes is not supported");
  const bool is_row = rank == 3;
  const bool is_transposed =
      op.node().op.find("transpose") != std::string::npos || (op.has("transposed") && op.flag("transposed"));
  Tensor x = op.forms("input").channels_last();
  if (is_row) x = tf::expand_dims(x, 1);
  const Tensor kernel = kernel_of(op, is_row);
  tf::Convolution options;
  options.strides = sides(op, "stride", is_row, 1);
  options.dilations = sides(op, "dilation", is_row, 1);
  options.padding = padding_of(op, kernel, options.dilations, is_row);
  options.groups = op.integer("groups");
  Tensor y = is_transposed ? tf::conv2d_transpose(x, kernel, options, sides(op, "output_padding", is_row, 0))
                           : tf::conv2d(x, kernel, options);
  if (op.has("bias")) y = tf::bias_add(y, op.tensor("bias"));
  return Forms::channels_last(is_row ? tf::squeeze(y, 1) : y);
}

/// One with windows that do not overlap, as cut an image or a film into patches, is a product of matrices.
Value patches(const Operation& op) {
  const std::vector<std::int64_t> strides = op.integers("stride");
  const auto& shape = op.type_of("weight").shape;
  const auto size = [&](std::size_t i) { return std::get<std::int64_t>(shape.at(i)); };
  const auto all = [&](const char* name, std::int64_t wanted) {
    return std::ranges::all_of(op.integers(name), [&](std::int64_t value) { return value == wanted; });
  };
  tf::Dims dims = op.dims_of("input");
  tf::Dims apart = {dims[0], dims[1]};
  for (std::size_t i = 2; i < 5; ++i) {
    const std::int64_t stride = strides.size() == 1 ? strides.front() : strides.at(i - 2);
    if (stride != size(i)) op.fail("over three axes with windows that overlap is not supported");
    apart.push_back(tf::floor_div(dims[i], stride));
    apart.emplace_back(stride);
  }
  if (!all("padding", 0) || !all("dilation", 1) || op.integer("groups") != 1) {
    op.fail("over three axes with padding, dilation or groups is not supported");
  }
  Tensor x = op.tensor("input");
  for (std::size_t i = 2; i < 5; ++i) {  // what is left over at the end has no window
    const tf::Dim whole = apart[2 * i - 2] * apart[2 * i - 1];
    if (!(dims[i].known() && whole.known() && dims[i].size() == whole.size())) {
      x = tf::slice(x, static_cast<int>(i), std::nullopt, whole);
    }
  }
  const std::int64_t elements = size(1) * size(2) * size(3) * size(4);
  const Tensor by_window = tf::transpose(reshaped(x, apart), {0, 2, 4, 6, 1, 3, 5, 7});
  const Tensor rows = tf::reshape(by_window, {-1, elements});
  Tensor y = tf::matmul(rows, tf::reshape(op.tensor("weight"), {size(0), elements}), false, true);
  if (op.has("bias")) y = tf::bias_add(y, op.tensor("bias"));
  return Forms::channels_last(reshaped(y, {apart[0], apart[2], apart[4], apart[6], size(0)}));
}

}  // namespace

void add_convolutions(Table* table) {
  table->add_each({"aten.conv1d.default", "aten.conv1d.padding", "aten.conv2d.default", "aten.conv2d.padding",
                   "aten.convolution.default", "aten.conv_transpose1d.default", "aten.conv_transpose2d.input"},
                  convolution);
  table->add("aten.conv3d.default", patches);
}

}  // namespace crossload::lowering

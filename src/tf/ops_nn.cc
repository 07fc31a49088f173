#include "tf/ops_nn.h"

#include "tf/operation_error.h"
#include "tf/ops_array.h"
#include "tf/ops_math.h"
#include "tf/simple_ops.h"

namespace crossload::tf {
namespace {

[[noreturn]] void fail(const Graph& graph, const std::string& type, const std::string& what) {
  throw OperationError("TensorFlow: " + type + ": " + what, type, graph.scope() + type, what);
}

std::vector<std::int64_t> of_image(const Pair& pair) { return {1, pair[0], pair[1], 1}; }

/// An explicit padding is a node of its own: LiteRT's convolutions know SAME and VALID alone.
Tensor padded(const Tensor& x, const Padding& padding, const Number& value = 0) {
  const auto [top, bottom] = padding.rows();
  const auto [left, right] = padding.columns();
  if (top == 0 && bottom == 0 && left == 0 && right == 0) return x;
  return pad(x, {{0, 0}, {top, bottom}, {left, right}, {0, 0}}, value);
}

/// Zeros between the elements of a kernel [height, width, ...]: what a dilated convolution multiplies with, for ops
/// that know no dilation on a CPU.
Tensor dilated(const Tensor& kernel, const Pair& dilations) {
  if (dilations[0] == 1 && dilations[1] == 1) return kernel;
  const std::int64_t height = kernel.dim(0);
  const std::int64_t width = kernel.dim(1);
  const std::int64_t a = kernel.dim(2);
  const std::int64_t b = kernel.dim(3);
  const Tensor apart = reshape(kernel, {height, 1, width, 1, a, b});
  const Tensor spread = pad(apart, {{0, 0}, {0, dilations[0] - 1}, {0, 0}, {0, dilations[1] - 1}, {0, 0}, {0, 0}});
  const Tensor joined = reshape(spread, {height * dilations[0], width * dilations[1], a, b});
  return slice(slice(joined, 0, 0, (height - 1) * dilations[0] + 1), 1, 0, (width - 1) * dilations[1] + 1);
}

/// One convolution a group, side by side.
template <class Convolve>
Tensor by_groups(const Tensor& x, const Tensor& kernel, int kernel_axis, std::int64_t groups,
                 const Convolve& convolve) {
  const std::vector<Tensor> inputs = split(x, static_cast<int>(groups), /*axis=*/-1);
  const std::vector<Tensor> kernels = split(kernel, static_cast<int>(groups), kernel_axis);
  std::vector<Tensor> outputs;
  for (std::size_t i = 0; i < inputs.size(); ++i) outputs.push_back(convolve(inputs[i], kernels[i]));
  return concat(outputs, /*axis=*/-1);
}

Tensor pooled(const char* type, const Tensor& x, const Pool& pool) {
  return x.graph()
      .operation(type)
      .input(x)
      .integers("ksize", of_image(pool.size))
      .integers("strides", of_image(pool.strides))
      .text("padding", pool.padding.mode())
      .output();
}

Tensor resized(const char* type, const Tensor& x, const Dim& height, const Dim& width, Pixels pixels) {
  return x.graph()
      .operation(type)
      .input(x)
      .input(pack_dims(x.graph(), {height, width}))
      .flag("align_corners", pixels == Pixels::kCorners)
      .flag("half_pixel_centers", pixels == Pixels::kCentres)
      .output();
}

/// Rows (side 0) or columns (1) of a transposed convolution before the padding is cut off.
Dim whole_side(const Tensor& x, const Tensor& kernel, const Convolution& options, const Pair& output_padding,
               std::size_t side) {
  const int axis = static_cast<int>(side);
  return (dims_of(x)[side + 1] - 1) * options.strides[side] + kernel.dim(axis) + output_padding[side];
}

/// What a transposed convolution returns of all that it made, and of what is more than the whole.
Tensor without_padding(const Tensor& whole, const Tensor& x, const Tensor& kernel, const Convolution& options,
                       const Pair& output_padding, bool has_more) {
  const auto cut = [&](const Tensor& y, std::size_t side, const Pair& padding) {
    const int axis = static_cast<int>(side) + 1;
    if (padding[0] == 0 && padding[1] == 0 && !has_more) return y;
    const Dim end = whole_side(x, kernel, options, output_padding, side) - padding[1];
    return slice(y, axis, padding[0], end);
  };
  return cut(cut(whole, 0, options.padding.rows()), 1, options.padding.columns());
}

/// Zeros after each row (axis 1) or column (2), so that there are `stride` times as many.
Tensor spread_out(const Tensor& x, int axis, std::int64_t stride) {
  if (stride == 1) return x;
  Dims dims = dims_of(x);
  Paddings zeros(dims.size() + 1, {0, 0});
  zeros[static_cast<std::size_t>(axis) + 1].second = stride - 1;
  dims[static_cast<std::size_t>(axis)] = dims[static_cast<std::size_t>(axis)] * stride;
  return reshape(pad(expand_dims(x, axis + 1), zeros), dims);
}

/// Each channel by itself: kernel [height, width, 1, channels]. A convolution of the spread image with the kernel the
/// other way round; one transposed convolution a channel would be as many nodes.
Tensor depthwise_conv2d_transpose(const Tensor& x, const Tensor& kernel, const Convolution& options,
                                  const Pair& output_padding) {
  const Tensor spread = dilated(kernel, options.dilations);
  const Tensor around = reshape(reverse(spread, {0, 1}), {spread.dim(0), spread.dim(1), spread.dim(3), 1});
  const std::int64_t rows = spread.dim(0) - 1;
  const std::int64_t columns = spread.dim(1) - 1;
  const Tensor apart = spread_out(spread_out(x, 1, options.strides[0]), 2, options.strides[1]);
  const Convolution plain = {.padding = {{rows, rows}, {columns, columns}}};
  return without_padding(depthwise_conv2d(apart, around, plain), x, spread, options, output_padding, /*has_more=*/true);
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b) {
  if (a.rank() == 2 && b.rank() == 2) {
    return a.graph()
        .operation("MatMul")
        .input(a)
        .input(b)
        .flag("transpose_a", transpose_a)
        .flag("transpose_b", transpose_b)
        .output();
  }
  return a.graph()
      .operation("BatchMatMulV2")
      .input(a)
      .input(b)
      .flag("adj_x", transpose_a)
      .flag("adj_y", transpose_b)
      .output();
}

Tensor einsum(const std::string& equation, const Tensor& a, const Tensor& b) {
  return a.graph().operation("Einsum").inputs({a, b}).text("equation", equation).output();
}

Tensor bias_add(const Tensor& x, const Tensor& bias) { return binary("BiasAdd", x, bias); }

Tensor conv2d(const Tensor& x, const Tensor& kernel, const Convolution& options) {
  if (options.groups > 1) {
    const std::int64_t groups = options.groups;
    Convolution one_group = options;
    one_group.groups = 1;
    if (kernel.dim(2) == 1 && options.strides[0] == options.strides[1]) {
      const Tensor by_channel = reshape(kernel, {kernel.dim(0), kernel.dim(1), groups, kernel.dim(3) / groups});
      return depthwise_conv2d(x, by_channel, one_group);
    }
    return by_groups(x, kernel, /*kernel_axis=*/3, groups,
                     [&](const Tensor& part, const Tensor& own) { return conv2d(part, own, one_group); });
  }
  return x.graph()
      .operation("Conv2D")
      .input(padded(x, options.padding))
      .input(kernel)
      .integers("strides", of_image(options.strides))
      .text("padding", options.padding.mode())
      .integers("dilations", of_image(options.dilations))
      .output();
}

Tensor depthwise_conv2d(const Tensor& x, const Tensor& kernel, const Convolution& options) {
  const Tensor input = padded(x, options.padding);
  const Tensor spread = dilated(kernel, options.dilations);
  return x.graph()
      .operation("DepthwiseConv2dNative")
      .input(input)
      .input(spread)
      .integers("strides", of_image(options.strides))
      .text("padding", options.padding.mode())
      .output();
}

Tensor conv2d_transpose(const Tensor& x, const Tensor& kernel, const Convolution& options, const Pair& output_padding) {
  if (std::string_view(options.padding.mode()) == "SAME") {
    fail(x.graph(), "Conv2DBackpropInput", "same() does not say how large the result is; give the padding");
  }
  if (output_padding[0] >= options.strides[0] || output_padding[1] >= options.strides[1]) {  // as far as a dilation
    Convolution unpadded = options;
    unpadded.padding = Padding::valid();
    const Tensor made = conv2d_transpose(x, kernel, unpadded, {0, 0});
    const Tensor whole = pad(made, {{0, 0}, {0, output_padding[0]}, {0, output_padding[1]}, {0, 0}});
    return without_padding(whole, x, dilated(kernel, options.dilations), options, output_padding, /*has_more=*/false);
  }
  if (options.groups > 1) {
    Convolution one_group = options;
    one_group.groups = 1;
    if (kernel.dim(2) == 1 && kernel.dim(3) == options.groups) {
      return depthwise_conv2d_transpose(x, kernel, one_group, output_padding);
    }
    return by_groups(x, kernel, /*kernel_axis=*/3, options.groups, [&](const Tensor& part, const Tensor& own) {
      return conv2d_transpose(part, own, one_group, output_padding);
    });
  }
  const Tensor spread = dilated(kernel, options.dilations);
  const Dims sizes = dims_of(x);
  const Tensor whole =
      x.graph()
          .operation("Conv2DBackpropInput")
          .input(pack_dims(x.graph(), {sizes[0], whole_side(x, spread, options, output_padding, 0),
                                       whole_side(x, spread, options, output_padding, 1), spread.dim(2)}))
          .input(spread)
          .input(x)
          .integers("strides", of_image(options.strides))
          .text("padding", "VALID")
          .output();
  return without_padding(whole, x, spread, options, output_padding, /*has_more=*/false);
}

Tensor max_pool(const Tensor& x, const Pool& pool) {
  return pooled("MaxPool", padded(x, pool.padding, lowest(x.dtype())), pool);
}

Tensor avg_pool(const Tensor& x, const Pool& pool, bool count_padding) {
  const Tensor with_padding = pooled("AvgPool", padded(x, pool.padding), pool);
  if (count_padding || !pool.padding.is_explicit()) return with_padding;
  const Dims dims = dims_of(x);
  const Tensor ones = fill(x.graph(), {1, dims[1], dims[2], 1}, x.graph().constant(1, x.dtype()));
  return with_padding / pooled("AvgPool", padded(ones, pool.padding), pool);
}

Tensor resize_bilinear(const Tensor& x, const Dim& height, const Dim& width, Pixels pixels) {
  return resized("ResizeBilinear", x, height, width, pixels);
}

Tensor resize_nearest(const Tensor& x, const Dim& height, const Dim& width, Pixels pixels) {
  return resized("ResizeNearestNeighbor", x, height, width, pixels);
}

}  // namespace crossload::tf

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
  if (options.groups > 1) {
    Convolution one_group = options;
    one_group.groups = 1;
    return by_groups(x, kernel, /*kernel_axis=*/3, options.groups, [&](const Tensor& part, const Tensor& own) {
      return conv2d_transpose(part, own, one_group, output_padding);
    });
  }
  const Tensor spread = dilated(kernel, options.dilations);
  const Dims sizes = dims_of(x);
  const auto full = [&](std::size_t side) {
    const int axis = static_cast<int>(side);
    return (sizes[side + 1] - 1) * options.strides[side] + spread.dim(axis) + output_padding[side];
  };
  const Dim height = full(0);
  const Dim width = full(1);
  const Tensor whole = x.graph()
                           .operation("Conv2DBackpropInput")
                           .input(pack_dims(x.graph(), {sizes[0], height, width, spread.dim(2)}))
                           .input(spread)
                           .input(x)
                           .integers("strides", of_image(options.strides))
                           .text("padding", "VALID")
                           .output();
  const auto [top, bottom] = options.padding.rows();
  const auto [left, right] = options.padding.columns();
  Tensor inside = whole;
  if (top != 0 || bottom != 0) inside = slice(inside, 1, top, height - bottom);
  if (left != 0 || right != 0) inside = slice(inside, 2, left, width - right);
  return inside;
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

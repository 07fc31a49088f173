// Products of matrices, and what goes over images: rows, [batch, height, width, channels], as TensorFlow has them on a
// CPU.
#pragma once

#include <array>
#include <string>

#include "tf/dim.h"

namespace crossload::tf {

/// [..., n, k] x [..., k, m] -> [..., n, m], the dimensions before with broadcasting; the flags transpose the last two
/// dimensions first.
Tensor matmul(const Tensor& a, const Tensor& b, bool transpose_a = false, bool transpose_b = false);
/// Einstein summation, "bhld,lrd->bhlr".
Tensor einsum(const std::string& equation, const Tensor& a, const Tensor& b);
/// Adds [channels] to the last dimension.
Tensor bias_add(const Tensor& x, const Tensor& bias);

/// Height, then width.
using Pair = std::array<std::int64_t, 2>;

/// What is put around an image.
class Padding {
 public:
  /// Nothing.
  static Padding valid() { return Padding("VALID"); }
  /// So much that there are ceil(size / stride) places, TensorFlow's way: the odd one at the end. Not PyTorch's.
  static Padding same() { return Padding("SAME"); }
  /// Rows at the top and at the bottom, columns at the left and at the right.
  Padding(const Pair& rows, const Pair& columns) : rows_(rows), columns_(columns) {}
  /// PyTorch's: as much on both sides.
  explicit Padding(std::int64_t all) : Padding({all, all}, {all, all}) {}

  bool is_explicit() const { return mode_ == nullptr; }
  const char* mode() const { return is_explicit() ? "VALID" : mode_; }
  const Pair& rows() const { return rows_; }
  const Pair& columns() const { return columns_; }

 private:
  explicit Padding(const char* mode) : mode_(mode) {}
  const char* mode_ = nullptr;
  Pair rows_ = {0, 0};
  Pair columns_ = {0, 0};
};

struct Convolution {
  Pair strides = {1, 1};
  Pair dilations = {1, 1};
  Padding padding = Padding::valid();
  std::int64_t groups = 1;
};

/// kernel [height, width, in / groups, out]. Many groups of one channel each are one depthwise convolution.
Tensor conv2d(const Tensor& x, const Tensor& kernel, const Convolution& options = {});
/// kernel [height, width, in, multiplier] -> [batch, height, width, in * multiplier]. Both strides are the same.
Tensor depthwise_conv2d(const Tensor& x, const Tensor& kernel, const Convolution& options = {});
/// The transposed convolution, PyTorch's ConvTranspose2d: kernel [height, width, out / groups, in]; an explicit padding
/// is cut off, and so many rows and columns (fewer than a stride) are added at the end. padding must not be same().
Tensor conv2d_transpose(const Tensor& x, const Tensor& kernel, const Convolution& options = {},
                        const Pair& output_padding = {0, 0});

struct Pool {
  Pair size;
  Pair strides;
  Padding padding = Padding::valid();
};
/// What is put around never wins.
Tensor max_pool(const Tensor& x, const Pool& pool);
/// Padding that is same() is not counted; explicit one is, as 0, unless `count_padding` is false.
Tensor avg_pool(const Tensor& x, const Pool& pool, bool count_padding = true);

/// Where the pixels of the result lie: their centres at (i + 1/2) * scale, PyTorch's align_corners=False; or the
/// centres of the corners on each other, its align_corners=True; or pixel i at i * scale, its mode "nearest".
enum class Pixels { kCentres, kCorners, kScaled };
Tensor resize_bilinear(const Tensor& x, const Dim& height, const Dim& width, Pixels pixels = Pixels::kCentres);
Tensor resize_nearest(const Tensor& x, const Dim& height, const Dim& width, Pixels pixels = Pixels::kScaled);

}  // namespace crossload::tf

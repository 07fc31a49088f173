// How the bytes of a PyTorch parameter are laid out in a TensorFlow variable, and the copy that does it.
#pragma once

#include <cstdint>
#include <span>

#include "tensor/tensor_view.h"

namespace crossload::tensor {

/// From PyTorch's order of dimensions to TensorFlow's. Each is the rule of one kind of layer, see src/keras/.
enum class Layout {
  kSame,       // embeddings, biases, norms, and GPT-2's Conv1D
  kTranspose,  // Linear: [out, in] -> kernel [in, out]
  kConv1D,     // Conv1d: [out, in, width] -> kernel [width, in, out]
  kConv2D,     // Conv2d: [out, in, height, width] -> kernel [height, width, in, out]
};

/// The shape after the change of layout. Throws Error(kBadInput) when the rank does not fit the layout.
Shape apply_layout(Layout layout, const Shape& pytorch);

/// Writes rows [first_row, first_row + row_count) of the laid-out tensor as float32. A row is one index of the first
/// dimension after the change (a scalar has one row). `out` holds exactly those elements. Widening F16 and BF16 is
/// exact; F64 is rounded to nearest; the source must be floating.
void copy_rows_as_float32(const TensorView& source, Layout layout, std::int64_t first_row, std::int64_t row_count,
                          std::span<float> out);

/// Elements of one row of the laid-out tensor, and how many rows there are.
std::int64_t row_elements(const Shape& laid_out);
std::int64_t row_count(const Shape& laid_out);

/// Widens `count` elements at `source` (any floating dtype, unaligned) to float32.
void widen_to_float32(DType dtype, const std::byte* source, std::int64_t count, float* out);

}  // namespace crossload::tensor

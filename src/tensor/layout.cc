#include "tensor/layout.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "crossload/error.h"
#include "tensor/half.h"

namespace crossload::tensor {
namespace {

/// For each dimension of the TensorFlow tensor, the dimension of the PyTorch tensor that it is.
std::vector<int> permutation(Layout layout, std::size_t rank) {
  switch (layout) {
    case Layout::kSame: {
      std::vector<int> same(rank);
      for (std::size_t i = 0; i < rank; ++i) same[i] = static_cast<int>(i);
      return same;
    }
    case Layout::kTranspose:
      return {1, 0};
    case Layout::kConv1D:
      return {2, 1, 0};
    case Layout::kConv2D:
      return {2, 3, 1, 0};
  }
  return {};
}

template <class T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

float element_as_float(DType dtype, const std::byte* at) {
  switch (dtype) {
    case DType::kF32:
      return load<float>(at);
    case DType::kF16:
      return float_of_float16(load<std::uint16_t>(at));
    case DType::kBF16:
      return float_of_bfloat16(load<std::uint16_t>(at));
    default:
      return static_cast<float>(load<double>(at));
  }
}

void require_floating(DType dtype) {
  if (!is_floating(dtype)) {
    throw Error(ErrorKind::kBadInput,
                "a tensor of " + std::string(name_of(dtype)) + " cannot become a float32 variable");
  }
}

/// A transposed copy in square blocks, so that both sides stay in the cache. source is [outs, ins]; out holds rows
/// [first, first + rows) of the transpose [ins, outs].
void transpose_block(const TensorView& source, std::int64_t first, std::int64_t rows, float* out) {
  constexpr std::int64_t kBlock = 32;
  const std::int64_t outs = source.shape[0];
  const std::int64_t ins = source.shape[1];
  const std::size_t size = size_of(source.dtype);
  float block[kBlock][kBlock];
  for (std::int64_t o = 0; o < outs; o += kBlock) {
    const std::int64_t block_outs = std::min(kBlock, outs - o);
    for (std::int64_t i = 0; i < rows; i += kBlock) {
      const std::int64_t block_rows = std::min(kBlock, rows - i);
      for (std::int64_t r = 0; r < block_outs; ++r) {
        const auto offset = static_cast<std::size_t>((o + r) * ins + first + i);
        widen_to_float32(source.dtype, source.bytes.data() + offset * size, block_rows, block[r]);
      }
      for (std::int64_t c = 0; c < block_rows; ++c) {
        float* target = out + (i + c) * outs + o;
        for (std::int64_t r = 0; r < block_outs; ++r) target[r] = block[r][c];
      }
    }
  }
}

}  // namespace

void widen_to_float32(DType dtype, const std::byte* source, std::int64_t count, float* out) {
  const std::size_t size = size_of(dtype);
  if (dtype == DType::kF32) {
    if (count > 0) std::memcpy(out, source, static_cast<std::size_t>(count) * size);
    return;
  }
  // One loop a type, so that the compiler can vectorise it.
  const auto widen = [&]<DType kType>(std::integral_constant<DType, kType>) {
    for (std::int64_t i = 0; i < count; ++i) {
      out[i] = element_as_float(kType, source + static_cast<std::size_t>(i) * size);
    }
  };
  if (dtype == DType::kBF16) return widen(std::integral_constant<DType, DType::kBF16>());
  if (dtype == DType::kF16) return widen(std::integral_constant<DType, DType::kF16>());
  widen(std::integral_constant<DType, DType::kF64>());
}

Shape apply_layout(Layout layout, const Shape& pytorch) {
  const std::vector<int> order = permutation(layout, pytorch.size());
  if (order.size() != pytorch.size()) {
    throw Error(ErrorKind::kBadInput, "a tensor of shape " + to_string(pytorch) + " where one with " +
                                          std::to_string(order.size()) + " dimensions is expected");
  }
  Shape shape;
  for (int dimension : order) shape.push_back(pytorch[static_cast<std::size_t>(dimension)]);
  return shape;
}

std::int64_t row_count(const Shape& laid_out) { return laid_out.empty() ? 1 : laid_out[0]; }

std::int64_t row_elements(const Shape& laid_out) {
  return laid_out.empty() ? 1 : element_count(Shape(laid_out.begin() + 1, laid_out.end()));
}

void copy_rows_as_float32(const TensorView& source, Layout layout, std::int64_t first_row, std::int64_t rows,
                          std::span<float> out) {
  require_floating(source.dtype);
  const std::size_t size = size_of(source.dtype);
  const Shape target = apply_layout(layout, source.shape);
  const std::int64_t per_row = row_elements(target);
  if (layout == Layout::kSame) {
    widen_to_float32(source.dtype, source.bytes.data() + static_cast<std::size_t>(first_row * per_row) * size,
                     rows * per_row, out.data());
    return;
  }
  if (layout == Layout::kTranspose) {
    transpose_block(source, first_row, rows, out.data());
    return;
  }
  // Convolution kernels are small: walk the target in order and read the source by its strides.
  const std::vector<int> order = permutation(layout, source.shape.size());
  Shape source_strides(source.shape.size(), 1);
  for (std::size_t i = source.shape.size() - 1; i > 0; --i) source_strides[i - 1] = source_strides[i] * source.shape[i];
  Shape index(target.size(), 0);
  index[0] = first_row;
  for (float& element : out) {
    std::int64_t offset = 0;
    for (std::size_t i = 0; i < index.size(); ++i)
      offset += index[i] * source_strides[static_cast<std::size_t>(order[i])];
    element = element_as_float(source.dtype, source.bytes.data() + static_cast<std::size_t>(offset) * size);
    for (std::size_t i = index.size(); i-- > 0;) {
      if (++index[i] < target[i] || i == 0) break;
      index[i] = 0;
    }
  }
}

}  // namespace crossload::tensor

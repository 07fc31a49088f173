// A tensor in bytes that somebody else owns.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "crossload/dtype.h"

namespace crossload::tensor {

/// Row-major, contiguous, little-endian elements; `owner` keeps the bytes alive. The bytes may be unaligned.
struct TensorView {
  DType dtype = DType::kF32;
  Shape shape;
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
};

}  // namespace crossload::tensor

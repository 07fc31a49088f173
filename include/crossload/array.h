// Values in memory: what models take and return.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "crossload/dtype.h"

namespace crossload {

/// A tensor that owns its elements, row-major.
class Array {
 public:
  Array() = default;
  /// Copies the values. Throws Error(kUsage) when their number does not fit the shape.
  static Array of(const Shape& shape, std::span<const float> values);
  static Array of(const Shape& shape, std::span<const std::int32_t> values);
  static Array of(const Shape& shape, std::span<const std::int64_t> values);

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  std::span<const std::byte> bytes() const { return bytes_; }
  /// The elements of an F32 array. Throws Error(kUsage) for another type.
  std::vector<float> floats() const;

 private:
  Array(DType dtype, Shape shape, std::span<const std::byte> bytes);

  DType dtype_ = DType::kF32;
  Shape shape_ = {0};
  std::vector<std::byte> bytes_;
};

/// By name: {"input_ids": ..., "attention_mask": ...}; members of a list are "hidden_states.0", "hidden_states.1", ...
using NamedArrays = std::map<std::string, Array>;

}  // namespace crossload

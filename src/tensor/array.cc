#include "crossload/array.h"

#include <cstring>

#include "crossload/error.h"

namespace crossload {

Array::Array(DType dtype, Shape shape, std::span<const std::byte> bytes)
    : dtype_(dtype), shape_(std::move(shape)), bytes_(bytes.begin(), bytes.end()) {
  if (static_cast<std::size_t>(element_count(shape_)) * size_of(dtype_) != bytes_.size()) {
    throw Error(ErrorKind::kUsage, "an array of shape " + to_string(shape_) + " cannot have " +
                                       std::to_string(bytes_.size() / size_of(dtype_)) + " elements");
  }
}

Array Array::of(const Shape& shape, std::span<const float> values) {
  return Array(DType::kF32, shape, std::as_bytes(values));
}

Array Array::of(const Shape& shape, std::span<const std::int32_t> values) {
  return Array(DType::kI32, shape, std::as_bytes(values));
}

Array Array::of(const Shape& shape, std::span<const std::int64_t> values) {
  return Array(DType::kI64, shape, std::as_bytes(values));
}

std::vector<float> Array::floats() const {
  if (dtype_ != DType::kF32) {
    throw Error(ErrorKind::kUsage, "an array of " + std::string(name_of(dtype_)) + " has no float32 elements");
  }
  std::vector<float> values(bytes_.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), bytes_.data(), bytes_.size());
  return values;
}

}  // namespace crossload

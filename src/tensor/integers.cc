#include "tensor/integers.h"

#include <cstring>

namespace crossload::tensor {
namespace {

template <class T>
std::int64_t load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return static_cast<std::int64_t>(value);
}

}  // namespace

std::int64_t integer_at(DType dtype, const std::byte* at) {
  switch (dtype) {
    case DType::kI8:
      return load<std::int8_t>(at);
    case DType::kI16:
      return load<std::int16_t>(at);
    case DType::kU16:
      return load<std::uint16_t>(at);
    case DType::kI32:
      return load<std::int32_t>(at);
    case DType::kU32:
      return load<std::uint32_t>(at);
    case DType::kI64:
    case DType::kU64:
      return load<std::int64_t>(at);
    default:
      return load<std::uint8_t>(at);  // bytes and booleans
  }
}

}  // namespace crossload::tensor

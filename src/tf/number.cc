#include "tf/number.h"

#include <fmt/format.h>

#include <cmath>
#include <complex>
#include <limits>
#include <utility>

#include "tensor/half.h"

namespace crossload::tf {
namespace {

template <class T>
HostTensor scalar(const std::shared_ptr<const Library>& library, DataType dtype, T value) {
  HostTensor tensor(library, dtype, {});
  tensor.values<T>()[0] = value;
  return tensor;
}

template <class T>
std::optional<HostTensor> integer_scalar(const std::shared_ptr<const Library>& library, DataType dtype,
                                         std::optional<std::int64_t> value) {
  if (!value || !std::in_range<T>(*value)) return std::nullopt;
  return scalar(library, dtype, static_cast<T>(*value));
}

}  // namespace

std::optional<std::int64_t> Number::exact_integer() const {
  if (is_integer_) return integer_;
  if (!(floating_ >= -0x1p63 && floating_ < 0x1p63) || std::trunc(floating_) != floating_) return std::nullopt;
  return static_cast<std::int64_t>(floating_);
}

std::optional<HostTensor> Number::as(const std::shared_ptr<const Library>& library, DataType dtype) const {
  if (dtype == DataType::kComplex64) {  // without an imaginary part
    if (std::isfinite(floating_) && std::abs(floating_) > -lowest(DataType::kFloat)) return std::nullopt;
    return scalar(library, dtype, std::complex<float>(static_cast<float>(floating_)));
  }
  if (is_floating(dtype)) {
    if (dtype == DataType::kDouble) return scalar(library, dtype, floating_);
    // A double beyond float32's range is undefined to convert, and infinity to whoever computes with it.
    if (std::isfinite(floating_) && std::abs(floating_) > -lowest(dtype)) return std::nullopt;
    const auto value = static_cast<float>(floating_);
    switch (dtype) {
      case DataType::kHalf:
        return scalar(library, dtype, tensor::float16_bits(value));
      case DataType::kBFloat16:
        return scalar(library, dtype, tensor::bfloat16_bits(value));
      default:
        return scalar(library, dtype, value);
    }
  }
  const std::optional<std::int64_t> integer = exact_integer();
  switch (dtype) {
    case DataType::kBool:
      if (!integer || (*integer != 0 && *integer != 1)) return std::nullopt;
      return scalar(library, dtype, *integer != 0);
    case DataType::kInt8:
      return integer_scalar<std::int8_t>(library, dtype, integer);
    case DataType::kInt16:
      return integer_scalar<std::int16_t>(library, dtype, integer);
    case DataType::kInt32:
      return integer_scalar<std::int32_t>(library, dtype, integer);
    case DataType::kInt64:
      return integer_scalar<std::int64_t>(library, dtype, integer);
    case DataType::kUInt8:
      return integer_scalar<std::uint8_t>(library, dtype, integer);
    case DataType::kUInt16:
      return integer_scalar<std::uint16_t>(library, dtype, integer);
    case DataType::kUInt32:
      return integer_scalar<std::uint32_t>(library, dtype, integer);
    case DataType::kUInt64:
      return integer_scalar<std::uint64_t>(library, dtype, integer);
    default:
      return std::nullopt;
  }
}

std::string Number::text() const { return is_integer_ ? std::to_string(integer_) : fmt::format("{}", floating_); }

}  // namespace crossload::tf

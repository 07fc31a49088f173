// A number beside a tensor: `x + 1`, `x * 0.5`.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "tf/host_tensor.h"

namespace crossload::tf {

template <class T>
concept Arithmetic = (std::integral<T> || std::floating_point<T>)&&!std::same_as<T, bool>;

/// An integer, exact, or a floating number.
class Number {
 public:
  template <Arithmetic T>
  Number(T value) : floating_(static_cast<double>(value)) {
    if constexpr (std::integral<T>) {
      is_integer_ = std::in_range<std::int64_t>(value);
      if (is_integer_) integer_ = static_cast<std::int64_t>(value);
    }
  }

  /// As one element of a tensor: an integer or bool type must hold it exactly; a floating or complex type rounds it as it
  /// rounds every number, but a finite number stays finite. Otherwise none.
  std::optional<HostTensor> as(const std::shared_ptr<const Library>& library, DataType dtype) const;
  /// "0.5"
  std::string text() const;

 private:
  std::optional<std::int64_t> exact_integer() const;

  bool is_integer_ = false;
  std::int64_t integer_ = 0;
  double floating_;
};

}  // namespace crossload::tf

// Integers and booleans of tensors, whatever their width.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crossload/dtype.h"

namespace crossload::tensor {

/// The element of an integer or boolean type at these bytes (unaligned). U64 over 2^63 wraps.
std::int64_t integer_at(DType dtype, const std::byte* at);

}  // namespace crossload::tensor

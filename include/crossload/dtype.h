// Element types and shapes of tensors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace crossload {

/// The element types that checkpoints hold. Names and sizes are those of the safetensors format.
enum class DType { kBool, kU8, kI8, kI16, kU16, kF16, kBF16, kI32, kU32, kF32, kF64, kI64, kU64 };

/// Bytes of one element.
std::size_t size_of(DType dtype);
/// The name in a safetensors header: "F32", "BF16", ...
std::string_view name_of(DType dtype);
/// The inverse of name_of; false when the name is unknown.
bool parse_dtype(std::string_view name, DType* dtype);
/// "float32", "float16" or "bfloat16", what variables are kept in; and the inverse, false when the word is none of them.
std::string_view word_of(DType dtype);
bool parse_word(std::string_view word, DType* dtype);
/// True for F16, BF16, F32 and F64.
bool is_floating(DType dtype);

/// Sizes of the dimensions, outermost first. A scalar has none.
using Shape = std::vector<std::int64_t>;

/// The product of the dimensions. Throws Error(kBadInput) for a negative dimension or when it does not fit 63 bits.
std::int64_t element_count(const Shape& shape);
/// "[2, 3]".
std::string to_string(const Shape& shape);

}  // namespace crossload

#include "crossload/dtype.h"

#include <array>
#include <limits>

#include "crossload/error.h"

namespace crossload {
namespace {

struct Row {
  DType dtype;
  std::string_view name;
  std::size_t size;
};

constexpr std::array<Row, 13> kRows = {{
    {DType::kBool, "BOOL", 1},
    {DType::kU8, "U8", 1},
    {DType::kI8, "I8", 1},
    {DType::kI16, "I16", 2},
    {DType::kU16, "U16", 2},
    {DType::kF16, "F16", 2},
    {DType::kBF16, "BF16", 2},
    {DType::kI32, "I32", 4},
    {DType::kU32, "U32", 4},
    {DType::kF32, "F32", 4},
    {DType::kF64, "F64", 8},
    {DType::kI64, "I64", 8},
    {DType::kU64, "U64", 8},
}};

const Row& row_of(DType dtype) { return kRows[static_cast<std::size_t>(dtype)]; }

}  // namespace

std::size_t size_of(DType dtype) { return row_of(dtype).size; }

std::string_view name_of(DType dtype) { return row_of(dtype).name; }

bool parse_dtype(std::string_view name, DType* dtype) {
  for (const Row& row : kRows) {
    if (row.name == name) {
      *dtype = row.dtype;
      return true;
    }
  }
  return false;
}

std::string_view word_of(DType dtype) {
  return dtype == DType::kF16 ? "float16" : dtype == DType::kBF16 ? "bfloat16" : "float32";
}

bool parse_word(std::string_view word, DType* dtype) {
  for (const DType known : {DType::kF32, DType::kF16, DType::kBF16}) {
    if (word_of(known) != word) continue;
    *dtype = known;
    return true;
  }
  return false;
}

bool is_floating(DType dtype) {
  return dtype == DType::kF16 || dtype == DType::kBF16 || dtype == DType::kF32 || dtype == DType::kF64;
}

std::int64_t element_count(const Shape& shape) {
  std::int64_t count = 1;
  bool empty = false;
  for (std::int64_t size : shape) {
    if (size < 0) {
      throw Error(ErrorKind::kBadInput, "shape " + to_string(shape) + ": a dimension is negative");
    }
    empty = empty || size == 0;
    if (size > 0 && count > std::numeric_limits<std::int64_t>::max() / size) {
      throw Error(ErrorKind::kBadInput, "shape " + to_string(shape) + ": the number of elements does not fit 63 bits");
    }
    count *= size > 0 ? size : 1;
  }
  return empty ? 0 : count;
}

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  }
  return text + "]";
}

}  // namespace crossload

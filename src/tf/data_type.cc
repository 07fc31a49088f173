#include "tf/data_type.h"

#include <array>
#include <limits>
#include <string_view>

#include "crossload/error.h"

namespace crossload::tf {
namespace {

struct Row {
  DataType dtype;
  std::string_view name;
  std::optional<DType> elements;  // none where elements are no plain bytes
};

constexpr std::array<Row, 16> kRows = {{
    {DataType::kFloat, "float32", DType::kF32},
    {DataType::kDouble, "float64", DType::kF64},
    {DataType::kHalf, "float16", DType::kF16},
    {DataType::kBFloat16, "bfloat16", DType::kBF16},
    {DataType::kInt8, "int8", DType::kI8},
    {DataType::kInt16, "int16", DType::kI16},
    {DataType::kInt32, "int32", DType::kI32},
    {DataType::kInt64, "int64", DType::kI64},
    {DataType::kUInt8, "uint8", DType::kU8},
    {DataType::kUInt16, "uint16", DType::kU16},
    {DataType::kUInt32, "uint32", DType::kU32},
    {DataType::kUInt64, "uint64", DType::kU64},
    {DataType::kBool, "bool", DType::kBool},
    {DataType::kComplex64, "complex64", std::nullopt},
    {DataType::kString, "string", std::nullopt},
    {DataType::kResource, "resource", std::nullopt},
}};

}  // namespace

std::optional<DType> elements_of(DataType dtype) {
  for (const Row& row : kRows) {
    if (row.dtype == dtype) return row.elements;
  }
  return std::nullopt;
}

DataType data_type_of(DType elements) {
  for (const Row& row : kRows) {
    if (row.elements == elements) return row.dtype;
  }
  throw Error(ErrorKind::kUsage, "TensorFlow has no type " + std::string(crossload::name_of(elements)));
}

std::string name_of(DataType dtype) {
  for (const Row& row : kRows) {
    if (row.dtype == dtype) return std::string(row.name);
  }
  return "type " + std::to_string(static_cast<int>(dtype));
}

bool is_floating(DataType dtype) {
  const std::optional<DType> elements = elements_of(dtype);
  return elements && crossload::is_floating(*elements);
}

bool is_integer(DataType dtype) {
  const std::optional<DType> elements = elements_of(dtype);
  return elements && !crossload::is_floating(*elements) && *elements != DType::kBool;
}

std::size_t size_of(DataType dtype) {
  if (dtype == DataType::kComplex64) return 2 * crossload::size_of(DType::kF32);
  if (const std::optional<DType> elements = elements_of(dtype)) return crossload::size_of(*elements);
  throw Error(ErrorKind::kUnsupported, "TensorFlow: a tensor of " + name_of(dtype) + " has no plain elements");
}

double lowest(DataType dtype) {
  switch (dtype) {
    case DataType::kFloat:
      return static_cast<double>(std::numeric_limits<float>::lowest());
    case DataType::kDouble:
      return std::numeric_limits<double>::lowest();
    case DataType::kHalf:
      return -65504;
    case DataType::kBFloat16:
      return -0x1.fep127;
    default:
      throw Error(ErrorKind::kUsage, "TensorFlow: " + name_of(dtype) + " is not floating and has no lowest value");
  }
}

}  // namespace crossload::tf

// TensorFlow's element types: their numbers, names and what they can hold. No other file lists them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "crossload/dtype.h"

namespace crossload::tf {

/// TensorFlow's numbers of element types (DataType in types.proto).
enum class DataType : int {
  kFloat = 1,
  kDouble = 2,
  kInt32 = 3,
  kUInt8 = 4,
  kInt16 = 5,
  kInt8 = 6,
  kString = 7,
  kComplex64 = 8,
  kInt64 = 9,
  kBool = 10,
  kBFloat16 = 14,
  kUInt16 = 17,
  kHalf = 19,
  kResource = 20,
  kVariant = 21,
  kUInt32 = 22,
  kUInt64 = 23,
};

/// As in Python, and as PyTorch and NumPy say it: "float32", "int64", "bool". Another number is "type 21".
std::string name_of(DataType dtype);
/// float32, float64, float16 and bfloat16.
bool is_floating(DataType dtype);
/// Of any width, with sign or without; bool is none.
bool is_integer(DataType dtype);
/// Bytes of one element. Throws Error(kUnsupported) for strings and resources, which have none.
std::size_t size_of(DataType dtype);
/// The most negative finite value: what masks out a score of this type. Throws Error(kUsage) unless it is floating.
double lowest(DataType dtype);

/// The type that a checkpoint's element type is in TensorFlow, and back: none for strings, resources and others.
DataType data_type_of(DType elements);
std::optional<DType> elements_of(DataType dtype);

}  // namespace crossload::tf

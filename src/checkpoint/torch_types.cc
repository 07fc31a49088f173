#include "checkpoint/torch_types.h"

#include <algorithm>
#include <array>

namespace crossload::checkpoint {
namespace {

constexpr std::array<TorchType, 27> kTypes = {{
    {"float32", 4, DType::kF32},
    {"float64", 8, DType::kF64},
    {"float16", 2, DType::kF16},
    {"bfloat16", 2, DType::kBF16},
    {"int64", 8, DType::kI64},
    {"int32", 4, DType::kI32},
    {"int16", 2, DType::kI16},
    {"int8", 1, DType::kI8},
    {"uint8", 1, DType::kU8},
    {"uint16", 2, DType::kU16},
    {"uint32", 4, DType::kU32},
    {"uint64", 8, DType::kU64},
    {"bool", 1, DType::kBool},
    {"complex32", 4, {}},
    {"complex64", 8, DType::kF32},
    {"complex128", 16, {}},
    {"float8_e4m3fn", 1, {}},
    {"float8_e4m3fnuz", 1, {}},
    {"float8_e5m2", 1, {}},
    {"float8_e5m2fnuz", 1, {}},
    {"float8_e8m0fnu", 1, {}},
    {"float4_e2m1fn_x2", 1, {}},
    {"qint8", 1, {}},
    {"quint8", 1, {}},
    {"qint32", 4, {}},
    {"quint4x2", 1, {}},
    {"quint2x4", 1, {}},
}};

struct StorageClass {
  std::string_view name;
  std::string_view type;
};

/// The classes of torch and torch.cuda; the two of torch.storage hold bytes.
constexpr std::array<StorageClass, 20> kStorages = {{
    {"FloatStorage", "float32"},
    {"DoubleStorage", "float64"},
    {"HalfStorage", "float16"},
    {"BFloat16Storage", "bfloat16"},
    {"LongStorage", "int64"},
    {"IntStorage", "int32"},
    {"ShortStorage", "int16"},
    {"CharStorage", "int8"},
    {"ByteStorage", "uint8"},
    {"BoolStorage", "bool"},
    {"ComplexFloatStorage", "complex64"},
    {"ComplexDoubleStorage", "complex128"},
    {"QInt8Storage", "qint8"},
    {"QUInt8Storage", "quint8"},
    {"QInt32Storage", "qint32"},
    {"QUInt4x2Storage", "quint4x2"},
    {"QUInt2x4Storage", "quint2x4"},
    {"UntypedStorage", "uint8"},
    {"TypedStorage", "uint8"},
    {"_TypedStorage", "uint8"},
}};

const TorchType* find_type(std::string_view name) {
  const auto found =
      std::find_if(kTypes.begin(), kTypes.end(), [&](const TorchType& type) { return type.name == name; });
  return found == kTypes.end() ? nullptr : &*found;
}

}  // namespace

const TorchType* storage_type(std::string_view global) {
  if (global == "torch.storage._UntypedStorage" || global == "torch._UntypedStorage") return find_type("uint8");
  for (const std::string_view module : {"torch.cuda.", "torch.storage.", "torch."}) {
    if (!global.starts_with(module)) continue;
    const std::string_view name = global.substr(module.size());
    for (const StorageClass& storage : kStorages) {
      if (storage.name == name) return find_type(storage.type);
    }
  }
  return nullptr;
}

const TorchType* dtype_of(std::string_view global) {
  constexpr std::string_view kModule = "torch.";
  return global.starts_with(kModule) ? find_type(global.substr(kModule.size())) : nullptr;
}

}  // namespace crossload::checkpoint

// What a pickle of torch.save holds once it is read, see unpickler.h: values, storages, tensors; and the limits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/torch_types.h"

namespace crossload::checkpoint {

/// Bytes of one pickle. A checkpoint of ten thousand tensors needs about 2 MB.
inline constexpr std::size_t kMaxPickleBytes = std::size_t{64} << 20;
/// Values that one pickle makes, about 15 a tensor, and what its stack and its memo may hold.
inline constexpr std::size_t kMaxPickleValues = 1'000'000;
/// Members of all containers, sizes and strides together.
inline constexpr std::size_t kMaxPickleItems = 4'000'000;
/// Open marks: how deep containers stand in each other while they are built. Python's own limit of recursion.
inline constexpr std::size_t kMaxPickleMarks = 1000;
/// Characters of a global's name.
inline constexpr std::size_t kMaxPickleGlobal = 512;
/// Characters of a storage's key, a number.
inline constexpr std::size_t kMaxPickleKey = 128;
/// Dimensions of a tensor, as many as PyTorch allows.
inline constexpr std::size_t kMaxPickleRank = 64;

enum class PickleKind {
  kNone,
  kBool,
  kInteger,
  kBigInteger,  // `text` has its bytes, little-endian, two's complement
  kFloat,
  kString,
  kBytes,
  kTuple,
  kList,
  kDict,  // `items` are key, value, key, value, ...
  kGlobal,
  kStorage,  // `integer` is the index in Pickle::storages
  kTensor,   // `integer` is the index in Pickle::tensors
};

/// "a list", for errors.
std::string_view name_of(PickleKind kind);

struct PickleValue {
  PickleKind kind = PickleKind::kNone;
  std::int64_t integer = 0;
  double real = 0;
  std::string text;
  std::vector<const PickleValue*> items;
};

struct PickleStorage {
  std::string key;
  const TorchType* type = nullptr;  // bytes for an untyped storage
  std::int64_t count = 0;           // elements of the whole storage
  std::int64_t view_offset = 0;     // where a view begins (only in old files), in elements
  std::int64_t view_count = 0;      // and its elements; `count` when it is the whole
};

struct PickleTensor {
  std::size_t storage = 0;
  std::int64_t offset = 0;  // in elements, as the strides
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;
  const TorchType* type = nullptr;
  /// Not empty: why this tensor cannot be read ("is quantized"); the rest is not set then.
  std::string unsupported;
};

/// Owns all values; moving it leaves them where they are.
struct Pickle {
  std::deque<PickleValue> values;
  std::vector<PickleStorage> storages;
  std::vector<PickleTensor> tensors;
  const PickleValue* root = nullptr;
  /// The offset behind STOP.
  std::size_t end = 0;
};

/// "name" with what is not printable replaced, at most 200 bytes of it: for errors of one line.
std::string quoted_name(std::string_view name);

}  // namespace crossload::checkpoint

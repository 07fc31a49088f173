// The names of PyTorch's element types and classes of storages.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "crossload/dtype.h"

namespace crossload::checkpoint {

/// An element type of PyTorch. `dtype` is empty for those that TensorFlow variables cannot hold.
struct TorchType {
  std::string_view name;  // "float32"
  std::size_t size;       // bytes of an element
  std::optional<DType> dtype;

  /// Whether an element is a pair of `dtype`.
  bool is_complex() const { return dtype && size == 2 * size_of(*dtype); }
};

/// The element type of "torch.FloatStorage", "torch.cuda.HalfStorage", ..., or null. That of untyped storages is bytes.
const TorchType* storage_type(std::string_view global);
/// The type of "torch.float32", or null.
const TorchType* dtype_of(std::string_view global);

}  // namespace crossload::checkpoint

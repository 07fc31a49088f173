// Values in memory, fed to a session or fetched from it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "crossload/dtype.h"
#include "tf/library.h"

namespace crossload::tf {

/// TensorFlow's numbers of element types (DataType in types.proto).
enum class DataType : int {
  kFloat = 1,
  kDouble = 2,
  kInt32 = 3,
  kString = 7,
  kInt64 = 9,
  kBool = 10,
  kResource = 20,
};

/// Owns a TF_Tensor.
class HostTensor {
 public:
  /// Uninitialised elements.
  HostTensor(std::shared_ptr<const Library> library, DataType dtype, const Shape& shape);
  HostTensor(std::shared_ptr<const Library> library, TF_Tensor* owned);
  template <class T>
  static HostTensor of(std::shared_ptr<const Library> library, const Shape& shape, std::span<const T> values);

  DataType dtype() const { return static_cast<DataType>(library_->TF_TensorType(tensor_.get())); }
  Shape shape() const;
  /// The elements; T must be the C++ type of dtype() (float, double, std::int32_t, std::int64_t, bool).
  template <class T>
  std::span<T> values() {
    return {static_cast<T*>(library_->TF_TensorData(tensor_.get())),
            library_->TF_TensorByteSize(tensor_.get()) / sizeof(T)};
  }
  template <class T>
  std::span<const T> values() const {
    return {static_cast<const T*>(library_->TF_TensorData(tensor_.get())),
            library_->TF_TensorByteSize(tensor_.get()) / sizeof(T)};
  }
  TF_Tensor* get() const { return tensor_.get(); }

 private:
  std::shared_ptr<const Library> library_;
  std::shared_ptr<TF_Tensor> tensor_;
};

/// Bytes of one element of float, double, int32, int64 and bool.
std::size_t size_of(DataType dtype);

}  // namespace crossload::tf

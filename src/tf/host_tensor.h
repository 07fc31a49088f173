// Values in memory, fed to a session or fetched from it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "crossload/dtype.h"
#include "tf/data_type.h"
#include "tf/library.h"

namespace crossload::tf {

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
  /// The elements; T must be the C++ type of dtype(), std::uint16_t (the bits) for float16 and bfloat16.
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
  /// The elements of a floating tensor, widened or rounded to float32. Throws Error(kUsage) for another.
  std::vector<float> floats() const;
  /// Sets them, rounded to the tensor's floating type. Throws Error(kUsage) for another type or number of elements.
  void assign(std::span<const float> values);
  TF_Tensor* get() const { return tensor_.get(); }

 private:
  std::shared_ptr<const Library> library_;
  std::shared_ptr<TF_Tensor> tensor_;
};

}  // namespace crossload::tf

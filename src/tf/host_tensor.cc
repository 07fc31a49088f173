#include "tf/host_tensor.h"

#include <algorithm>

#include "crossload/error.h"

namespace crossload::tf {
namespace {

template <class T>
constexpr DataType data_type_of();
template <>
constexpr DataType data_type_of<float>() {
  return DataType::kFloat;
}
template <>
constexpr DataType data_type_of<double>() {
  return DataType::kDouble;
}
template <>
constexpr DataType data_type_of<std::int32_t>() {
  return DataType::kInt32;
}
template <>
constexpr DataType data_type_of<std::int64_t>() {
  return DataType::kInt64;
}
template <>
constexpr DataType data_type_of<bool>() {
  return DataType::kBool;
}

TF_Tensor* allocate(const Library& library, DataType dtype, const Shape& shape) {
  const std::size_t bytes = static_cast<std::size_t>(element_count(shape)) * size_of(dtype);
  TF_Tensor* tensor =
      library.TF_AllocateTensor(static_cast<int>(dtype), shape.data(), static_cast<int>(shape.size()), bytes);
  if (tensor == nullptr) {
    throw Error(ErrorKind::kEnvironment, "TensorFlow: no memory for a tensor of shape " + to_string(shape));
  }
  return tensor;
}

}  // namespace

std::size_t size_of(DataType dtype) {
  switch (dtype) {
    case DataType::kBool:
      return 1;
    case DataType::kFloat:
    case DataType::kInt32:
      return 4;
    case DataType::kDouble:
    case DataType::kInt64:
      return 8;
    case DataType::kString:
    case DataType::kResource:
      break;
  }
  throw Error(ErrorKind::kUnsupported, "TensorFlow: a tensor of strings or resources has no plain elements");
}

HostTensor::HostTensor(std::shared_ptr<const Library> library, TF_Tensor* owned)
    : library_(std::move(library)), tensor_(owned, library_->TF_DeleteTensor) {}

HostTensor::HostTensor(std::shared_ptr<const Library> library, DataType dtype, const Shape& shape)
    : HostTensor(library, allocate(*library, dtype, shape)) {}

Shape HostTensor::shape() const {
  Shape shape;
  for (int i = 0; i < library_->TF_NumDims(tensor_.get()); ++i) shape.push_back(library_->TF_Dim(tensor_.get(), i));
  return shape;
}

template <class T>
HostTensor HostTensor::of(std::shared_ptr<const Library> library, const Shape& shape, std::span<const T> values) {
  HostTensor tensor(std::move(library), data_type_of<T>(), shape);
  if (tensor.values<T>().size() != values.size()) {
    throw Error(ErrorKind::kUsage, "a tensor of shape " + to_string(shape) + " cannot have " +
                                       std::to_string(values.size()) + " elements");
  }
  std::copy(values.begin(), values.end(), tensor.values<T>().begin());
  return tensor;
}

template HostTensor HostTensor::of(std::shared_ptr<const Library>, const Shape&, std::span<const float>);
template HostTensor HostTensor::of(std::shared_ptr<const Library>, const Shape&, std::span<const double>);
template HostTensor HostTensor::of(std::shared_ptr<const Library>, const Shape&, std::span<const std::int32_t>);
template HostTensor HostTensor::of(std::shared_ptr<const Library>, const Shape&, std::span<const std::int64_t>);
template HostTensor HostTensor::of(std::shared_ptr<const Library>, const Shape&, std::span<const bool>);

}  // namespace crossload::tf

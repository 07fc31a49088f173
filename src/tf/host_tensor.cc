#include "tf/host_tensor.h"

#include <algorithm>

#include "crossload/error.h"
#include "tensor/half.h"

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

[[noreturn]] void no_floats(DataType dtype) {
  throw Error(ErrorKind::kUsage, "TensorFlow: a tensor of " + name_of(dtype) + " has no floating elements");
}

void require_count(const Shape& shape, std::size_t elements) {
  if (static_cast<std::size_t>(element_count(shape)) == elements) return;
  throw Error(ErrorKind::kUsage,
              "a tensor of shape " + to_string(shape) + " cannot have " + std::to_string(elements) + " elements");
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

HostTensor::HostTensor(std::shared_ptr<const Library> library, TF_Tensor* owned)
    : library_(std::move(library)), tensor_(owned, library_->TF_DeleteTensor) {}

HostTensor::HostTensor(std::shared_ptr<const Library> library, DataType dtype, const Shape& shape)
    : HostTensor(library, allocate(*library, dtype, shape)) {}

Shape HostTensor::shape() const {
  Shape shape;
  for (int i = 0; i < library_->TF_NumDims(tensor_.get()); ++i) shape.push_back(library_->TF_Dim(tensor_.get(), i));
  return shape;
}

std::vector<float> HostTensor::floats() const {
  std::vector<float> result;
  const auto append = [&](const auto& elements, const auto& as_float) {
    result.reserve(elements.size());
    for (const auto element : elements) result.push_back(as_float(element));
  };
  switch (dtype()) {
    case DataType::kFloat: {
      const std::span<const float> elements = values<float>();
      result.assign(elements.begin(), elements.end());
      break;
    }
    case DataType::kDouble:
      append(values<double>(), [](double element) { return static_cast<float>(element); });
      break;
    case DataType::kHalf:
      append(values<std::uint16_t>(), tensor::float_of_float16);
      break;
    case DataType::kBFloat16:
      append(values<std::uint16_t>(), tensor::float_of_bfloat16);
      break;
    default:
      no_floats(dtype());
  }
  return result;
}

void HostTensor::assign(std::span<const float> elements) {
  require_count(shape(), elements.size());
  switch (dtype()) {
    case DataType::kFloat:
      std::copy(elements.begin(), elements.end(), values<float>().begin());
      break;
    case DataType::kDouble:
      std::copy(elements.begin(), elements.end(), values<double>().begin());
      break;
    case DataType::kHalf:
      std::transform(elements.begin(), elements.end(), values<std::uint16_t>().begin(), tensor::float16_bits);
      break;
    case DataType::kBFloat16:
      std::transform(elements.begin(), elements.end(), values<std::uint16_t>().begin(), tensor::bfloat16_bits);
      break;
    default:
      no_floats(dtype());
  }
}

template <class T>
HostTensor HostTensor::of(std::shared_ptr<const Library> library, const Shape& shape, std::span<const T> values) {
  HostTensor tensor(std::move(library), data_type_of<T>(), shape);
  require_count(shape, values.size());
  std::copy(values.begin(), values.end(), tensor.values<T>().begin());
  return tensor;
}

template HostTensor HostTensor::of(std::shared_ptr<const Library>, const Shape&, std::span<const float>);
template HostTensor HostTensor::of(std::shared_ptr<const Library>, const Shape&, std::span<const double>);
template HostTensor HostTensor::of(std::shared_ptr<const Library>, const Shape&, std::span<const std::int32_t>);
template HostTensor HostTensor::of(std::shared_ptr<const Library>, const Shape&, std::span<const std::int64_t>);
template HostTensor HostTensor::of(std::shared_ptr<const Library>, const Shape&, std::span<const bool>);

}  // namespace crossload::tf

#include "verify/feeds.h"

#include "crossload/error.h"
#include "tensor/integers.h"
#include "tensor/layout.h"

namespace crossload::verify {
namespace {

template <class T>
void copy_integers(const std::string& name, const tensor::TensorView& view, std::span<T> out) {
  const std::size_t size = size_of(view.dtype);
  const std::byte* at = view.bytes.data();
  for (T& element : out) {
    const std::int64_t value = tensor::integer_at(view.dtype, at);
    element = static_cast<T>(value);
    if (static_cast<std::int64_t>(element) != value) {
      throw Error(ErrorKind::kUsage, "the input \"" + name + "\" holds " + std::to_string(value) +
                                         ", which its type in TensorFlow cannot; give smaller numbers");
    }
    at += size;
  }
}

template <class T>
void append_integers(const tf::HostTensor& tensor, std::vector<std::int64_t>* out) {
  for (const T value : tensor.values<T>()) out->push_back(static_cast<std::int64_t>(value));
}

}  // namespace

std::vector<std::string> names_of(const Feeds& feeds) {
  std::vector<std::string> names;
  for (const auto& [name, view] : feeds) names.push_back(name);
  return names;
}

tf::HostTensor to_host(const std::shared_ptr<const tf::Library>& library, const std::string& name,
                       const tensor::TensorView& view, tf::DataType wanted) {
  tf::HostTensor tensor(library, wanted, view.shape);
  if (is_floating(view.dtype)) {
    if (!tf::is_floating(wanted)) {
      throw Error(ErrorKind::kUsage, "the input \"" + name + "\" holds floating numbers; the model takes integers");
    }
    std::vector<float> elements(static_cast<std::size_t>(element_count(view.shape)));
    tensor::widen_to_float32(view.dtype, view.bytes.data(), static_cast<std::int64_t>(elements.size()),
                             elements.data());
    tensor.assign(elements);
    return tensor;
  }
  switch (wanted) {
    case tf::DataType::kFloat:
      copy_integers(name, view, tensor.values<float>());
      break;
    case tf::DataType::kInt32:
      copy_integers(name, view, tensor.values<std::int32_t>());
      break;
    case tf::DataType::kInt64:
      copy_integers(name, view, tensor.values<std::int64_t>());
      break;
    case tf::DataType::kBool:
      copy_integers(name, view, tensor.values<bool>());
      break;
    default:
      throw Error(ErrorKind::kUnsupported,
                  "the input \"" + name + "\" is to be of " + tf::name_of(wanted) + ", which cannot be fed");
  }
  return tensor;
}

Values to_values(const tf::HostTensor& tensor, const Shape& symbolic) {
  Values values;
  values.shape = tensor.shape();
  values.symbolic = symbolic;
  if (tf::is_floating(tensor.dtype())) {
    values.kind = NumberKind::kFloating;
    values.elements = tensor.floats();
    return values;
  }
  if (tensor.dtype() == tf::DataType::kComplex64) {  // as pairs, which is how PyTorch's are recorded
    const std::span<const float> pairs = tensor.values<float>();
    values.kind = NumberKind::kFloating;
    values.elements.assign(pairs.begin(), pairs.end());
    if (values.symbolic.size() == values.shape.size()) values.symbolic.push_back(2);
    values.shape.push_back(2);
    return values;
  }
  values.kind = NumberKind::kInteger;
  switch (tensor.dtype()) {
    case tf::DataType::kInt8:
      append_integers<std::int8_t>(tensor, &values.integers);
      break;
    case tf::DataType::kUInt8:
      append_integers<std::uint8_t>(tensor, &values.integers);
      break;
    case tf::DataType::kInt16:
      append_integers<std::int16_t>(tensor, &values.integers);
      break;
    case tf::DataType::kInt32:
      append_integers<std::int32_t>(tensor, &values.integers);
      break;
    case tf::DataType::kInt64:
      append_integers<std::int64_t>(tensor, &values.integers);
      break;
    case tf::DataType::kBool:
      values.kind = NumberKind::kBoolean;
      append_integers<bool>(tensor, &values.integers);
      break;
    default:
      throw Error(ErrorKind::kUnsupported,
                  "TensorFlow returned a tensor of " + tf::name_of(tensor.dtype()) + ", which cannot be compared");
  }
  return values;
}

}  // namespace crossload::verify

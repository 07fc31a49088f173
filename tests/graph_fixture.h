// Building a graph, running it, and comparing what comes out.
#pragma once

#include <gmock/gmock.h>

#include "tensor/half.h"
#include "tensorflow_library.h"
#include "test_support.h"
#include "tf/ops.h"
#include "tf/session.h"

namespace crossload::tf {

inline double as_double(const HostTensor& tensor, std::size_t index) {
  switch (tensor.dtype()) {
    case DataType::kFloat:
      return static_cast<double>(tensor.values<float>()[index]);
    case DataType::kDouble:
      return tensor.values<double>()[index];
    case DataType::kInt32:
      return tensor.values<std::int32_t>()[index];
    case DataType::kInt64:
      return static_cast<double>(tensor.values<std::int64_t>()[index]);
    case DataType::kHalf:
      return static_cast<double>(tensor::float_of_float16(tensor.values<std::uint16_t>()[index]));
    case DataType::kBFloat16:
      return static_cast<double>(tensor::float_of_bfloat16(tensor.values<std::uint16_t>()[index]));
    case DataType::kUInt8:
      return tensor.values<std::uint8_t>()[index];
    case DataType::kBool:
      return tensor.values<bool>()[index] ? 1 : 0;
    default:
      ADD_FAILURE() << "no element of " << name_of(tensor.dtype());
      return 0;
  }
}

/// Tensors of a graph of its own, and their values. MadeGraph is made from a library.
template <class MadeGraph>
class TestOfGraph : public testing::Test {
 protected:
  HostTensor host(const Shape& shape, const std::vector<float>& values) const {
    return HostTensor::of<float>(library(), shape, values);
  }
  HostTensor host_ints(const Shape& shape, const std::vector<std::int32_t>& values) const {
    return HostTensor::of<std::int32_t>(library(), shape, values);
  }
  Tensor floats(const Shape& shape, const std::vector<float>& values) { return graph_.constant(host(shape, values)); }
  Tensor ints(const Shape& shape, const std::vector<std::int32_t>& values) {
    return graph_.constant(host_ints(shape, values));
  }
  Tensor vector(const std::vector<float>& values) { return floats({static_cast<std::int64_t>(values.size())}, values); }
  /// A float tensor of unknown sizes, and later its value.
  Tensor unknown(const Shape& sizes, const HostTensor& value) {
    const Tensor placeholder = graph_.placeholder(DataType::kFloat, sizes, "unknown_" + std::to_string(feeds_.size()));
    feeds_.emplace_back(placeholder, value);
    return placeholder;
  }

  /// An int32 tensor of unknown sizes, and later its value.
  Tensor unknown_ints(const Shape& sizes, const HostTensor& value) {
    const Tensor placeholder = graph_.placeholder(DataType::kInt32, sizes, "unknown_" + std::to_string(feeds_.size()));
    feeds_.emplace_back(placeholder, value);
    return placeholder;
  }

  HostTensor run(const Tensor& tensor) { return Session(&graph_, SessionOptions{}).run(feeds_, {tensor}).front(); }

  void expect(const Tensor& tensor, const Shape& shape, const std::vector<double>& values, double tolerance = 0) {
    const HostTensor result = run(tensor);
    EXPECT_EQ(result.shape(), shape);
    ASSERT_EQ(static_cast<std::size_t>(element_count(result.shape())), values.size());
    for (std::size_t i = 0; i < values.size(); ++i)
      EXPECT_NEAR(as_double(result, i), values[i], tolerance) << "at " << i;
  }

  MadeGraph graph_{library()};
  std::vector<Session::Feed> feeds_;
};

using GraphTest = TestOfGraph<Graph>;

}  // namespace crossload::tf

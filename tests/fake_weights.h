// Variables on vectors.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "keras/variable.h"
#include "test_support.h"

namespace crossload {

/// Layers of variables whose PyTorch elements are 0, 1/8, 2/8, ... (modulo 1009), plus the variable's number.
class FakeWeights {
 public:
  static float element(std::size_t variable, std::int64_t index) {
    return static_cast<float>(index % 1009) / 8 + static_cast<float>(variable);
  }

  FakeWeights& layer(const std::string& name) {
    layers_.push_back({name, {}});
    return *this;
  }

  /// `shape` is PyTorch's.
  FakeWeights& add(const std::string& name, const Shape& shape, tensor::Layout layout = tensor::Layout::kSame,
                   bool trainable = true) {
    std::vector<float>& values = values_.emplace_back(static_cast<std::size_t>(element_count(shape)));
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = element(variables_.size(), static_cast<std::int64_t>(i));
    const auto bytes = std::as_bytes(std::span(values));
    variables_.push_back({name,
                          "key." + name,
                          tensor::apply_layout(layout, shape),
                          layout,
                          trainable,
                          /*layer=*/"",
                          {DType::kF32, shape, bytes, nullptr}});
    layers_.back().variables.push_back(&variables_.back());
    return *this;
  }

  /// Puts an earlier variable into this layer too.
  FakeWeights& share(std::size_t variable) {
    layers_.back().variables.push_back(&variables_[variable]);
    return *this;
  }

  const std::vector<keras::TopLayer>& layers() const { return layers_; }
  const std::deque<keras::Variable>& variables() const { return variables_; }
  keras::Variable& variable(std::size_t index) { return variables_[index]; }

  /// The elements in PyTorch's order.
  const std::vector<float>& source(std::size_t variable) const { return values_[variable]; }
  /// The elements in TensorFlow's order, worked out index by index.
  std::vector<float> expected(std::size_t variable) const {
    const keras::Variable& v = variables_[variable];
    const Shape& from = v.source.shape;
    const std::vector<float>& values = values_[variable];
    std::vector<float> result(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      auto index = static_cast<std::int64_t>(i);
      std::int64_t target = index;
      if (v.layout == tensor::Layout::kTranspose) {
        target = index % from[1] * from[0] + index / from[1];
      } else if (v.layout == tensor::Layout::kConv2D) {  // [out, in, height, width] -> [height, width, in, out]
        const std::int64_t x = index % from[3];
        const std::int64_t y = index / from[3] % from[2];
        const std::int64_t in = index / (from[3] * from[2]) % from[1];
        const std::int64_t out = index / (from[3] * from[2] * from[1]);
        target = ((y * from[3] + x) * from[1] + in) * from[0] + out;
      } else if (v.layout == tensor::Layout::kConv1D) {  // [out, in, width] -> [width, in, out]
        const std::int64_t x = index % from[2];
        const std::int64_t in = index / from[2] % from[1];
        target = (x * from[1] + in) * from[0] + index / (from[2] * from[1]);
      }
      result[static_cast<std::size_t>(target)] = values[i];
    }
    return result;
  }

 private:
  std::deque<std::vector<float>> values_;
  std::deque<keras::Variable> variables_;
  std::vector<keras::TopLayer> layers_;
};

/// Some of everything: shared, scalar, empty and untrained variables, each layout, a layer without variables.
inline void fill_small(FakeWeights* weights) {
  weights->layer("main")
      .add("main/embeddings/weight", {5, 3})
      .add("main/mean", {3}, tensor::Layout::kSame, /*trainable=*/false)
      .add("main/dense/kernel", {4, 3}, tensor::Layout::kTranspose)
      .add("main/conv/kernel", {4, 3, 2, 5}, tensor::Layout::kConv2D)
      .add("main/conv1d/kernel", {4, 3, 2}, tensor::Layout::kConv1D)
      .add("main/scale", {})
      .add("main/none", {0, 3});
  weights->layer("dropout_7");
  weights->layer("classifier").add("classifier/kernel", {2, 4}, tensor::Layout::kTranspose).share(0);
}

}  // namespace crossload

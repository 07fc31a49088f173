// What verify/binding.h says of variables that are not the checkpoint's.
#include "verify/binding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

namespace crossload::verify {
namespace {

using keras::Scope;
using keras::Weights;

/// An artifact in memory.
class MemoryWeights : public exporting::StoredWeights {
 public:
  MemoryWeights() : exporting::StoredWeights("memory") {}
  std::map<std::string, std::vector<float>> values;

  void put(const std::string& name, const Shape& shape, std::vector<float> elements) {
    add(name, {DType::kF32, shape});
    values[name] = std::move(elements);
  }

 private:
  void read_range(const std::string& name, std::int64_t first, std::span<float> out) const override {
    std::copy_n(values.at(name).begin() + first, out.size(), out.begin());
  }
};

tensor::TensorView tensor(const Shape& shape, float seed) {
  const auto values = std::make_shared<std::vector<float>>(static_cast<std::size_t>(element_count(shape)));
  for (std::size_t i = 0; i < values->size(); ++i) (*values)[i] = std::sin(seed + static_cast<float>(i) * 1.7F);
  return {DType::kF32, shape, std::as_bytes(std::span<const float>(*values)), values};
}

/// Two square kernels, a table, and a norm; the artifact is right until a test changes it.
class Binding : public testing::Test {
 protected:
  Binding()
      : weights_({{"query.weight", tensor({4, 4}, 1)},
                  {"key.weight", tensor({4, 4}, 2)},
                  {"positions.weight", tensor({6, 3}, 3)},
                  {"norm.weight", tensor({5}, 4)},
                  {"norm.bias", tensor({5}, 5)}}) {
    const Scope scope(&weights_);
    (scope / "query").variable("kernel", "weight", {4, 4}, {.layout = tensor::Layout::kTranspose});
    (scope / "key").variable("kernel", "weight", {4, 4}, {.layout = tensor::Layout::kTranspose});
    (scope / "positions").variable("embeddings", "weight", {6, 3});
    (scope / "norm").variable("gamma", "weight", {5});
    (scope / "norm").variable("beta", "bias", {5});
    for (const keras::Variable& variable : weights_.variables()) {
      std::vector<float> elements(static_cast<std::size_t>(element_count(variable.shape)));
      keras::read_rows(variable, 0, tensor::row_count(variable.shape), elements);
      artifact_.put(variable.name, variable.shape, elements);
    }
  }

  std::vector<std::string> faults() const {
    std::vector<std::string> texts;
    for (const BindingFault& fault : find_binding_faults(weights_, artifact_)) {
      texts.push_back(fault.variable + ": " + fault.what);
    }
    return texts;
  }

  Weights weights_;
  MemoryWeights artifact_;
};

TEST_F(Binding, ARightArtifactHasNoFaults) { EXPECT_THAT(faults(), testing::IsEmpty()); }

TEST_F(Binding, AKernelInPyTorchsLayout) {
  std::vector<float>& kernel = artifact_.values["query/kernel"];
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = 0; j < i; ++j) std::swap(kernel[i * 4 + j], kernel[j * 4 + i]);
  }
  EXPECT_THAT(faults(), testing::ElementsAre("query/kernel: transposed: it is in PyTorch's layout"));
}

TEST_F(Binding, ExchangedVariables) {
  std::swap(artifact_.values["query/kernel"], artifact_.values["key/kernel"]);
  std::swap(artifact_.values["norm/gamma"], artifact_.values["norm/beta"]);
  EXPECT_THAT(faults(),
              testing::ElementsAre("query/kernel: exchanged with key/kernel", "key/kernel: exchanged with query/kernel",
                                   "norm/gamma: exchanged with norm/beta", "norm/beta: exchanged with norm/gamma"));
}

TEST_F(Binding, TheValuesOfAnother) {
  artifact_.values["query/kernel"] = artifact_.values["key/kernel"];
  EXPECT_THAT(faults(), testing::ElementsAre("query/kernel: holds the values of key/kernel"));
}

TEST_F(Binding, ShiftedRows) {
  std::vector<float>& table = artifact_.values["positions/embeddings"];
  std::rotate(table.begin(), table.begin() + 3, table.end());
  EXPECT_THAT(faults(), testing::ElementsAre("positions/embeddings: its rows are shifted by -1"));
}

TEST_F(Binding, NarrowerTypes) {
  // The nearest float16 to a value in [0.5, 1) is a multiple of 2^-11, the nearest bfloat16 one of 2^-8.
  for (const auto& [scale, text] :
       {std::pair(0x1p11F, "rounded to float16"), std::pair(0x1p8F, "rounded to bfloat16")}) {
    std::vector<float>& table = artifact_.values["positions/embeddings"];
    const std::vector<float> sound = table;
    for (float& value : table) {
      int exponent = 0;
      std::frexp(value, &exponent);
      value = std::nearbyint(value * std::ldexp(scale, -exponent)) / std::ldexp(scale, -exponent);
    }
    EXPECT_THAT(faults(), testing::ElementsAre(std::string("positions/embeddings: ") + text));
    table = sound;
  }
}

TEST_F(Binding, NeverFilledAndScaled) {
  artifact_.values["norm/gamma"].assign(5, 1.0F);
  for (float& value : artifact_.values["norm/beta"]) value *= 2;
  EXPECT_THAT(faults(), testing::ElementsAre("norm/gamma: every element is 1.000000: never filled?",
                                             "norm/beta: scaled by 2.000000"));
}

TEST_F(Binding, OneElementAndOneRow) {
  artifact_.values["query/kernel"][6] += 1e-4F;
  for (std::size_t i = 3; i < 6; ++i) artifact_.values["positions/embeddings"][i] += static_cast<float>(i);
  EXPECT_THAT(faults(), testing::ElementsAre(testing::StartsWith("query/kernel: one element differs: [1, 2] is "),
                                             testing::StartsWith("positions/embeddings: row 1 differs: [1, 2] is ")));
}

}  // namespace
}  // namespace crossload::verify

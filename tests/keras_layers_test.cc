// The layers of Keras: activations against PyTorch's results, the others against formulas worked out by hand.
#include <cmath>
#include <cstdio>
#include <limits>

#include "checkpoint/safetensors.h"
#include "goldens.h"
#include "keras/activation.h"
#include "keras/attention_mask.h"
#include "keras/group_normalization.h"
#include "keras/layers.h"
#include "keras/patch_convolution.h"
#include "keras/rows.h"
#include "keras/spec_augment.h"
#include "keras/weight_norm_conv1d.h"
#include "model_graph_fixture.h"

namespace crossload::keras {
namespace {

namespace fs = std::filesystem;

using tf::as_double;
using tf::DataType;
using tf::HostTensor;
using tf::library;
using tf::Tensor;

/// A golden's tensor of any floating type, widened.
std::vector<double> doubles_of(const tensor::TensorView& view) {
  std::vector<double> values(view.bytes.size() / size_of(view.dtype));
  if (view.dtype == DType::kF64) {
    std::memcpy(values.data(), view.bytes.data(), view.bytes.size());
    return values;
  }
  const std::vector<float> floats = floats_of(view);
  return {floats.begin(), floats.end()};
}

/// Layers bound to given tensors, called into the graph; the values of their variables are fed.
class Layers : public ModelGraphTest {
 protected:
  void bind(std::map<std::string, tensor::TensorView> tensors) {
    weights_ = std::make_unique<Weights>(std::move(tensors));
  }
  Scope scope() { return Scope(weights_.get()); }
  /// Feeds the variables that calls have read so far.
  void feed_variables() {
    weights_->check_complete("test");
    for (const Variable& variable : weights_->variables()) {
      HostTensor value(library(), DataType::kFloat, variable.shape);
      read_rows(variable, 0, tensor::row_count(variable.shape), value.values<float>());
      feeds_.emplace_back(graph_.value(variable), value);
    }
  }

  std::unique_ptr<Weights> weights_ = std::make_unique<Weights>(std::map<std::string, tensor::TensorView>());
};

// PyTorch's results for every function of Transformers' table, in float64. TensorFlow computes in float32.
TEST_F(Layers, ActivationsOfEveryName) {
  const checkpoint::SafetensorsFile golden = checkpoint::SafetensorsFile::open(golden_path("activations"));
  const std::vector<float> inputs = floats_of(golden.tensors().at("input.x"));
  ASSERT_GT(inputs.size(), 100U);
  std::vector<std::string> names;
  for (const auto& [name, view] : golden.tensors()) {
    if (name.starts_with("output64.")) names.push_back(name.substr(std::string("output64.").size()));
  }
  EXPECT_EQ(Activation::names(), names);
  std::vector<Tensor> fetches;
  const Tensor x = vector(inputs);
  for (const std::string& name : names) fetches.push_back(Activation(scope() / name, name)(x));
  const std::vector<HostTensor> results = tf::Session(&graph_, tf::SessionOptions{}).run({}, fetches);
  for (std::size_t n = 0; n < names.size(); ++n) {
    const std::vector<double> wanted = doubles_of(golden.tensors().at("output64." + names[n]));
    double worst = 0;
    std::size_t at = 0;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const double distance = std::abs(as_double(results[n], i) - wanted[i]) / (1 + std::abs(wanted[i]));
      if (!(distance <= worst)) {
        worst = distance;
        at = i;
      }
    }
    std::printf("%-20s | %9.2e | at %g\n", names[n].c_str(), worst, static_cast<double>(inputs[at]));
    EXPECT_LE(worst, 1e-6) << names[n] << "(" << inputs[at] << ") is " << as_double(results[n], at) << ", wanted "
                           << wanted[at];
  }
}

TEST_F(Layers, ActivationsThatNobodyKnows) {
  EXPECT_ERROR(Activation(scope() / "act", "gelu_old"), ErrorKind::kUnsupported,
               "act: the activation \"gelu_old\" is not known; supported are gelu, gelu_10, ");
}

TEST_F(Layers, DenseMultipliesByTheTransposeAndAddsTheBias) {
  bind({{"a.weight", view_of({2, 3}, {1, 2, 3, -1, 0, 0.5})},
        {"a.bias", view_of({2}, {10, 20})},
        {"b.weight", view_of({1, 2}, {2, 1})}});
  const Dense a(scope() / "a", 3, 2);
  const Dense b(scope() / "b", 2, 1, /*bias=*/false);
  const Tensor matrix = a(floats({2, 3}, {1, 0, 0, 1, 1, 2}));
  const Tensor batch = a(unknown({-1, -1, 3}, host({1, 2, 3}, {1, 0, 0, 1, 1, 2})));
  const Tensor one = a(vector({1, 1, 2}));
  const Tensor both = b(matrix);
  feed_variables();
  expect(matrix, {2, 2}, {11, 19, 19, 20});
  expect(batch, {1, 2, 2}, {11, 19, 19, 20});
  expect(one, {2}, {19, 20});
  expect(both, {2, 1}, {41, 58});
  EXPECT_EQ(batch.shape(), (Shape{-1, -1, 2}));
}

std::size_t reshapes_before(const Tensor& x) {
  std::size_t count = 0;
  for (TF_Operation* operation : x.graph().origins_of({x})) {
    count += std::string(library()->TF_OperationOpType(operation)) == "Reshape" ? 1 : 0;
  }
  return count;
}

TEST_F(Layers, FollowEachOtherOnRowsThatAreFoldedOnce) {
  bind({{"a.weight", view_of({2, 2}, {1, 2, -1, 1})},
        {"a.bias", view_of({2}, {1, 0})},
        {"norm.weight", view_of({2}, {1, 2})},
        {"norm.bias", view_of({2}, {0, 10})}});
  const Dense a(scope() / "a", 2, 2);
  const Activation relu(scope() / "relu", "relu");
  const LayerNormalization norm(scope() / "norm", 2, 0.0);
  const Tensor x = unknown({-1, -1, 2}, host({1, 2, 2}, {1, 0, 0, 1}));
  const Tensor active = relu(a(x));
  const Tensor sum = residual(active, x);
  const Tensor normed = norm(sum);
  feed_variables();
  expect(active, {1, 2, 2}, {2, 0, 3, 1});
  expect(sum, {1, 2, 2}, {3, 0, 3, 2});
  expect(normed, {1, 2, 2}, {1, 8, 1, 8}, 1e-6);
  EXPECT_EQ(reshapes_before(normed), 2U) << "one to rows, and one back";
  expect(residual(x, floats({1, 2, 2}, {1, 1, 1, 1})), {1, 2, 2}, {2, 1, 1, 2});  // of which nobody knows rows
}

TEST_F(Layers, EmbeddingTakesRows) {
  bind({{"words.weight", view_of({3, 2}, {1, 2, 3, 4, 5, 6})}});
  const Embedding words(scope() / "words", 3, 2, "weight");
  const Tensor rows = words(ints({1, 3}, {2, 0, 2}));
  const Tensor outside = words(ints({1}, {3}));
  feed_variables();
  EXPECT_EQ(words.table().name, "words/weight");
  expect(rows, {1, 3, 2}, {5, 6, 1, 2, 5, 6});
  EXPECT_ERROR(run(outside), ErrorKind::kBadInput, "indices[0] = 3 is not in [0, 3)");
}

TEST_F(Layers, LanguageModelDecoderSharesTheTableOfWords) {
  bind({{"words.weight", view_of({3, 2}, {1, 2, 3, 4, 5, 6})}, {"bias", view_of({3}, {10, 20, 30})}});
  const Embedding words(scope() / "words", 3, 2);
  const LanguageModelDecoder decoder(scope() / "decoder", words, scope().variable("bias", "bias", {3}), /*tied=*/true);
  const Tensor scores = decoder(floats({1, 1, 2}, {2, -1}));
  feed_variables();
  expect(scores, {1, 1, 3}, {10, 22, 34});
}

TEST_F(Layers, LanguageModelDecoderMayHaveATableOfItsOwn) {
  bind({{"words.weight", view_of({3, 2}, {1, 2, 3, 4, 5, 6})},
        {"decoder.weight", view_of({3, 2}, {1, 0, 0, 1, 1, 1})},
        {"bias", view_of({3}, {10, 20, 30})}});
  const Embedding words(scope() / "words", 3, 2);
  const LanguageModelDecoder decoder(scope() / "decoder", words, scope().variable("bias", "bias", {3}), /*tied=*/false);
  const Tensor scores = decoder(floats({1, 1, 2}, {2, -1}));
  feed_variables();
  expect(scores, {1, 1, 3}, {12, 19, 31});
}

TEST_F(Layers, LayerNormalizationIsPyTorchsFormula) {
  const std::vector<float> gamma = {1, 2, -1, 0.5};
  const std::vector<float> beta = {0, 1, 0.25, -3};
  const std::vector<float> x = {1, 2, 3, 6, -5, -5, -5, -5, 1000, 1001, 1002, 1003};
  bind({{"norm.weight", view_of({4}, gamma)}, {"norm.bias", view_of({4}, beta)}});
  constexpr double kEpsilon = 0.25;  // large enough to be seen
  const LayerNormalization norm(scope() / "norm", 4, kEpsilon);
  const Tensor y = norm(unknown({-1, -1, 4}, host({1, 3, 4}, x)));
  feed_variables();
  std::vector<double> wanted;
  for (std::size_t row = 0; row < x.size(); row += 4) {
    double mean = 0, variance = 0;
    for (std::size_t i = 0; i < 4; ++i) mean += static_cast<double>(x[row + i]) / 4;
    for (std::size_t i = 0; i < 4; ++i) variance += std::pow(static_cast<double>(x[row + i]) - mean, 2) / 4;  // biased
    for (std::size_t i = 0; i < 4; ++i) {
      const double normal = (static_cast<double>(x[row + i]) - mean) / std::sqrt(variance + kEpsilon);
      wanted.push_back(normal * static_cast<double>(gamma[i]) + static_cast<double>(beta[i]));
    }
  }
  expect(y, {1, 3, 4}, wanted, 2e-6);
}

TEST_F(Layers, Conv1DSlidesOverTheSequence) {
  // Two channels in, one out: weight [out][in][width].
  bind({{"conv.weight", view_of({1, 2, 3}, {1, 2, 3, 10, 20, 30})}, {"conv.bias", view_of({1}, {0.5})}});
  const Conv1D conv(scope() / "conv", 2, 1, /*width=*/3, {.padding = 1, .stride = 2});
  const Tensor y = conv(unknown({-1, 2, -1}, host({1, 2, 5}, {1, 2, 3, 4, 5, 1, 0, 0, 0, 1})));
  feed_variables();
  EXPECT_EQ(weights_->variables().front().shape, (Shape{3, 2, 1}));
  // Positions 0, 2 and 4; zeros stand before the first and after the last.
  expect(y, {1, 1, 3}, {8 + 20 + 0.5, 20 + 0.5, 14 + 20 + 0.5});
}

TEST_F(Layers, Conv1DGroupsSeeTheirChannelsAlone) {
  bind({{"conv.weight", view_of({4, 1, 1}, {1, 2, 3, 4})}});
  const Conv1D conv(scope() / "conv", 2, 4, /*width=*/1, {.groups = 2, .bias = false});
  const Tensor y = conv(floats({1, 2, 2}, {1, 2, 10, 20}));
  feed_variables();
  expect(y, {1, 4, 2}, {1, 2, 2, 4, 30, 60, 40, 80});
  EXPECT_ERROR(Conv1D(scope() / "other", 3, 4, 1, {.groups = 2}), ErrorKind::kBadInput,
               "other: 3 and 4 channels are not multiples of 2 groups");
}

/// |v| over [out, in] is 5 at the first position of the kernel and 2 at the second; g makes them 10 and 3.
class WeightNorms : public Layers {
 protected:
  void expect_for_keys(const std::string& g, const std::string& v) {
    bind({{g, view_of({1, 1, 2}, {10, 3})},
          {v, view_of({2, 1, 2}, {3, 2, 4, 0})},
          {"conv.bias", view_of({2}, {0, 100})}});
    const WeightNormConv1D conv(scope() / "conv", 1, 2, /*width=*/2, {});
    const Tensor y = conv(floats({1, 1, 3}, {1, 10, 0}));
    feed_variables();
    expect(y, {1, 2, 2}, {6 + 30, 60, 8 + 100, 80 + 100}, 1e-5);
    EXPECT_EQ(weights_->variables()[0].name, "conv/weight_v");
    EXPECT_EQ(weights_->variables()[0].shape, (Shape{2, 1, 2}));
    EXPECT_EQ(weights_->variables()[1].name, "conv/weight_g");
    EXPECT_EQ(weights_->variables()[1].shape, (Shape{2, 1, 1}));
  }
};

TEST_F(WeightNorms, OfOldCheckpoints) { expect_for_keys("conv.weight_g", "conv.weight_v"); }

TEST_F(WeightNorms, OfNewCheckpoints) {
  expect_for_keys("conv.parametrizations.weight.original0", "conv.parametrizations.weight.original1");
}

TEST_F(Layers, GroupNormalizationIsOverAGroupsChannelsAndPositions) {
  bind({{"norm.weight", view_of({4}, {1, 2, 1, 1})}, {"norm.bias", view_of({4}, {0, 1, 0, -1})}});
  const GroupNormalization norm(scope() / "norm", /*groups=*/2, 4, /*epsilon=*/1.0);
  // The first group is 0, 0, 4, 4 (mean 2, variance 4), the second is 7 alone.
  const Tensor y = norm(unknown({-1, 4, -1}, host({1, 4, 2}, {0, 0, 4, 4, 7, 7, 7, 7})));
  feed_variables();
  const double normal = 2 / std::sqrt(5.0);
  expect(y, {1, 4, 2}, {-normal, -normal, 2 * normal + 1, 2 * normal + 1, 0, 0, -1, -1}, 1e-6);
  EXPECT_ERROR(GroupNormalization(scope() / "other", 3, 4, 1.0), ErrorKind::kBadInput,
               "other: 4 channels are not a multiple of 3 groups");
}

TEST_F(Layers, PatchConvolutionMakesAVectorOfEachPatch) {
  // One channel in, two out; the image's last column and row fill no patch.
  bind({{"conv.weight", view_of({2, 1, 2, 2}, {1, 2, 3, 4, 0, 0, 0, 1})}});
  const PatchConvolution conv(scope() / "conv", 1, 2, /*patch=*/2);
  const Tensor y = conv(floats({1, 1, 3, 5}, {1, 0, 0, 1, 9, 0, 1, 1, 0, 9, 9, 9, 9, 9, 9}));
  feed_variables();
  EXPECT_EQ(weights_->variables().front().shape, (Shape{2, 2, 1, 2}));
  expect(y, {1, 2, 1, 2}, {5, 5, 1, 0});
}

SpanOptions spans(double prob, int length, int min_masks) {
  return {checkpoint::Config::parse(R"({"mask_time_prob": )" + std::to_string(prob) + R"(, "mask_time_length": )" +
                                        std::to_string(length) + R"(, "mask_time_min_masks": )" +
                                        std::to_string(min_masks) + "}",
                                    "config.json"),
          "time", /*default_prob=*/0, /*default_min_masks=*/0};
}

/// The lengths of the runs of ones in one row.
std::vector<int> runs_of(std::span<const float> row) {
  std::vector<int> runs;
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (row[i] == 0) continue;
    if (i == 0 || row[i - 1] == 0) runs.push_back(0);
    EXPECT_EQ(row[i], 1);
    ++runs.back();
  }
  return runs;
}

TEST_F(Layers, RandomSpansAreAsManyAsAskedFor) {
  constexpr std::size_t kSize = 400;
  // 4 spans of 5 would cover a twentieth of 400; of 40 there are 0.4, so 0 or 1.
  const Tensor mask = random_spans(ints({2, 1}, {400, 40}), static_cast<int>(kSize), spans(0.05, 5, 0));
  tf::Session session(&graph_, tf::SessionOptions{});
  int many = 0;
  int few = 0;
  std::vector<float> first;
  for (int time = 0; time < 200; ++time) {
    const HostTensor result = session.run({}, {mask}).front();
    ASSERT_EQ(result.shape(), (Shape{2, kSize}));
    const std::span<const float> values = result.values<float>();
    for (const int length : runs_of(values.subspan(0, kSize))) {
      EXPECT_GE(length, 5);
      many += length;
    }
    for (const int length : runs_of(values.subspan(kSize, 40))) {
      EXPECT_EQ(length, 5);
      ++few;
    }
    EXPECT_TRUE(runs_of(values.subspan(kSize + 40)).empty());
    if (time == 0) first.assign(values.begin(), values.end());
    EXPECT_EQ(time == 0, std::ranges::equal(first, values));
  }
  EXPECT_LE(many, 200 * 20);
  EXPECT_GE(many, 200 * 18);                                    // a pair overlaps once in forty or so
  EXPECT_NEAR(few, 200 * 0.4, 5 * std::sqrt(200 * 0.4 * 0.6));  // five standard deviations
}

TEST_F(Layers, RandomSpansFitTheirRows) {
  // At least two are wanted; a row of 5 has room for one, a row of 4 for none.
  const HostTensor result = run(random_spans(ints({3, 1}, {5, 4, 100}), 100, spans(0.001, 5, 2)));
  const std::span<const float> values = result.values<float>();
  EXPECT_EQ(runs_of(values.subspan(0, 100)), std::vector<int>{5});
  EXPECT_TRUE(runs_of(values.subspan(100, 100)).empty());
  int covered = 0;
  for (const int length : runs_of(values.subspan(200, 100))) covered += length;
  EXPECT_GE(covered, 6);
  EXPECT_LE(covered, 10);
  expect(random_spans(ints({1, 1}, {3}), 3, spans(0.9, 5, 2)), {1, 3}, {0, 0, 0});
  EXPECT_ERROR(spans(0.5, 0, 0), ErrorKind::kBadInput, "mask_time_length must be above 0");
}

TEST_F(Layers, DropoutIsNothingOutsideTraining) {
  const Tensor x = vector({1, 2});
  EXPECT_EQ(Dropout(scope() / "dropout", 0.5)(x, Call{}).name(), x.name());
  EXPECT_EQ(Dropout(scope() / "none", 0.0)(x, Call{.training = true}).name(), x.name());
}

TEST_F(Layers, DropoutZeroesTheRateAndScalesTheRest) {
  constexpr int kCount = 100'000;
  constexpr double kRate = 0.3;
  const Tensor y = Dropout(scope() / "dropout", kRate)(
      unknown({-1, -1}, host({10, kCount / 10}, std::vector<float>(kCount, 7))), Call{.training = true});
  const HostTensor first = run(y);
  const HostTensor second = run(y);
  int zeros = 0;
  for (const float value : first.values<float>()) {
    zeros += value == 0 ? 1 : 0;
    ASSERT_NEAR(value == 0 ? 10 : value, 10, 1e-5);  // 7 / 0.7
  }
  EXPECT_NEAR(zeros, kCount * kRate, 5 * std::sqrt(kCount * kRate * (1 - kRate)));  // five standard deviations
  EXPECT_FALSE(std::ranges::equal(first.values<float>(), second.values<float>()));
}

constexpr double kLowest = std::numeric_limits<float>::lowest();

TEST_F(Layers, AttentionMasksOfKeys) {
  const Tensor mask = graph_.placeholder(DataType::kInt32, {-1, -1}, "mask");
  feeds_.emplace_back(mask, host_ints({2, 3}, {1, 1, 0, 0, 0, 0}));
  const Tensor bias = extended_attention_mask(mask);
  expect(bias, {2, 1, 1, 3}, {0, 0, kLowest, kLowest, kLowest, kLowest});
  // A row that is masked as a whole attends to all positions alike.
  const Tensor scores = floats({1, 2, 1, 3}, {3, -1, 2, 1, 0, 5});
  const double e4 = std::exp(-4.0), e1 = std::exp(-1.0), third = 1.0 / 3;
  expect(tf::softmax(scores + bias), {2, 2, 1, 3},
         {1 / (1 + e4), e4 / (1 + e4), 0, 1 / (1 + e1), e1 / (1 + e1), 0, third, third, third, third, third, third},
         1e-7);
  expect(extended_attention_mask(floats({1, 2}, {0.5, 1})), {1, 1, 1, 2}, {kLowest / 2, 0});
}

TEST_F(Layers, AttentionMasksOfQueriesAndKeys) {
  const Tensor mask = ints({1, 2, 3}, {1, 0, 1, 0, 1, 1});
  const std::vector<double> wanted = {0, kLowest, 0, kLowest, 0, 0};
  expect(extended_attention_mask(mask), {1, 1, 2, 3}, wanted);
  expect(causal_attention_mask(mask), {1, 1, 2, 3}, wanted);
  EXPECT_ERROR(extended_attention_mask(ints({1}, {1})), ErrorKind::kUsage,
               "attention_mask has 1 dimensions; wanted [batch, length] or [batch, queries, keys]");
}

TEST_F(Layers, AttentionMasksOfDecodersHideWhatComesLater) {
  const Tensor mask = graph_.placeholder(DataType::kInt32, {-1, -1}, "mask");
  feeds_.emplace_back(mask, host_ints({2, 3}, {1, 1, 1, 1, 0, 1}));
  const double l = kLowest;
  expect(causal_attention_mask(mask), {2, 1, 3, 3}, {0, l, l, 0, 0, l, 0, 0, 0, 0, l, l, 0, l, l, 0, l, 0});
}

TEST_F(Layers, EveryCallIsAStageOfItsPath) {
  const Activation act(scope() / "encoder" / "act", "tanh");
  const Tensor first = act(vector({1}));
  const Tensor second = act(first);
  ASSERT_EQ(graph_.stages().size(), 2U);
  EXPECT_EQ(graph_.stages()[1].path, "encoder.act");
  EXPECT_EQ(graph_.stages()[0].call, 0);
  EXPECT_EQ(graph_.stages()[1].call, 1);
  EXPECT_EQ(graph_.stages()[1].outputs.front().name(), second.name());
  EXPECT_THAT(second.name(), testing::StartsWith("encoder/act/Tanh_"));
}

TEST_F(Layers, RunsGiveTheSameBits) {
  std::vector<float> values(64 * 96);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<float>(i) * 0.37F);
  const Tensor x = floats({64, 96}, values);
  const Tensor y = tf::softmax(tf::matmul(Activation(scope() / "act", "gelu")(tf::matmul(x, x, false, true)), x));
  const HostTensor first = run(y);
  const HostTensor second = run(y);
  EXPECT_TRUE(std::ranges::equal(std::as_bytes(first.values<float>()), std::as_bytes(second.values<float>())));
}

}  // namespace
}  // namespace crossload::keras

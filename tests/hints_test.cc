// Hints: each known fault from a few numbers made by hand, and no hint where the numbers do not show one.
#include "verify/hints.h"

#include <gmock/gmock.h>

#include <cmath>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <numeric>
#include <random>

#include "tensor/layout.h"

namespace crossload::verify {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;
using Vector = std::vector<float>;

std::size_t size_of_shape(const Shape& shape) { return static_cast<std::size_t>(element_count(shape)); }

/// Numbers that look like nothing in particular.
Vector noise(const Shape& shape, unsigned seed, float size = 1) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0, size);
  Vector values(size_of_shape(shape));
  for (float& value : values) value = normal(generator);
  return values;
}

Vector changed(Vector values, const std::function<float(float)>& change) {
  for (float& value : values) value = change(value);
  return values;
}

Vector sum(Vector a, const Vector& b, float factor = 1) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] += factor * b[i % b.size()];
  return a;
}

/// A suspect in the making, which owns its numbers. Copies share them.
class Case {
 public:
  Case(const std::string& class_name, const Shape& shape) : shape_(shape) {
    suspect_.path = "encoder.module";
    suspect_.class_name = class_name;
  }
  Case& path(const std::string& path) { return suspect_.path = path, *this; }
  Case& pytorch(const Vector& values) { return suspect_.pytorch.push_back(keep(shape_, values)), *this; }
  Case& read(const std::string& name, const Vector& values) { return read(name, shape_, values); }
  Case& read(const std::string& name, const Shape& shape, const Vector& values) {
    return suspect_.reads.push_back({name, keep(shape, values)}), *this;
  }
  Case& other(const std::string& name, const Vector& values) {
    return suspect_.others.push_back({name, keep(shape_, values)}), *this;
  }
  Case& weight(const Shape& shape, const Vector& values) { return suspect_.own.weight = keep(shape, values), *this; }
  Case& bias(const Vector& values) { return suspect_.own.bias = keep({length(values)}, values), *this; }
  Case& alike(const std::string& module, const Shape& shape, const Vector& weight, const Vector& bias) {
    return suspect_.alike.push_back({module, keep(shape, weight), keep({length(bias)}, bias)}), *this;
  }
  Case& number(const std::string& name, double value) { return suspect_.numbers.emplace(name, value), *this; }
  Case& mask(const Shape& shape, const Vector& values) { return suspect_.attention_mask = keep(shape, values), *this; }

  std::string hint_for(const Vector& tensorflow) { return hint_for(shape_, tensorflow); }
  std::string hint_for(const Shape& shape, const Vector& tensorflow) {
    suspect_.tensorflow = {keep(shape, tensorflow)};
    return hint(suspect_);
  }

 private:
  static std::int64_t length(const Vector& values) { return static_cast<std::int64_t>(values.size()); }
  Numbers keep(const Shape& shape, const Vector& values) {
    EXPECT_EQ(size_of_shape(shape), values.size());
    return {shape, storage_->emplace_back(values)};
  }

  Shape shape_;
  std::shared_ptr<std::deque<Vector>> storage_ = std::make_shared<std::deque<Vector>>();
  Suspect suspect_;
};

// ---- Values ----

const Shape kShape = {2, 3, 4};

TEST(Hints, NotFinite) {
  const Vector pt = noise(kShape, 1);
  Vector tf = pt;
  std::fill(tf.begin() + 4, tf.begin() + 8, std::numeric_limits<float>::quiet_NaN());
  EXPECT_EQ(
      Case("Linear", kShape).pytorch(pt).hint_for(tf),
      "4 of TensorFlow's 24 elements are NaN or infinite where PyTorch's are finite, in whole rows: what is divided "
      "by is zero there, likely");
  tf[5] = pt[5];
  EXPECT_EQ(Case("Linear", kShape).pytorch(pt).hint_for(tf),
            "3 of TensorFlow's 24 elements are NaN or infinite where PyTorch's are finite");
  EXPECT_THAT(Case("Linear", kShape).pytorch(tf).hint_for(tf), IsEmpty());
}

TEST(Hints, Scale) {
  const Vector pt = noise(kShape, 2);
  const auto times = [&](float factor) { return changed(pt, [=](float x) { return factor * x; }); };
  EXPECT_EQ(Case("Embedding", kShape).pytorch(pt).hint_for(times(1.5F)), "TensorFlow's values are 1.5 times PyTorch's");
  EXPECT_EQ(Case("Embedding", kShape).pytorch(pt).number("d_model", 4).hint_for(times(0.5F)),
            "TensorFlow's values are 0.5 times PyTorch's (1/sqrt(4), d_model being 4)");
  EXPECT_EQ(
      Case("x", kShape).pytorch(pt).number("hidden_size", 512).number("num_attention_heads", 8).hint_for(times(8)),
      "TensorFlow's values are 8 times PyTorch's (sqrt(64), the size of a head being 64)");
  EXPECT_EQ(Case("x", kShape).pytorch(pt).number("dropout", 0.1).hint_for(times(0.9F)),
            "TensorFlow's values are 0.9 times PyTorch's (1 - dropout)");
  EXPECT_EQ(Case("x", kShape).pytorch(pt).hint_for(times(-1)), "TensorFlow's values have the opposite sign");
  EXPECT_EQ(Case("x", kShape).pytorch(pt).hint_for(times(0)), "TensorFlow's values are zero");
  EXPECT_THAT(Case("x", kShape).pytorch(pt).hint_for(sum(times(2), noise(kShape, 3, 0.5F))), IsEmpty());
}

TEST(Hints, Axes) {
  const Shape square = {2, 2, 2};
  const Vector pt = {1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_EQ(Case("Conv2d", square).pytorch(pt).hint_for({1, 3, 2, 4, 5, 7, 6, 8}),
            "TensorFlow's tensor is PyTorch's with its axes in the order [0, 2, 1]");
  const Shape nchw = {1, 2, 1, 3};
  EXPECT_EQ(Case("Conv2d", nchw).pytorch({1, 2, 3, 4, 5, 6}).hint_for({1, 1, 3, 2}, {1, 4, 2, 5, 3, 6}),
            "TensorFlow's tensor is PyTorch's with its axes in the order [0, 2, 3, 1]");
  EXPECT_EQ(
      Case("x", {2, 3}).pytorch({1, 2, 3, 4, 5, 6}).hint_for({1, 4, 2, 5, 3, 6}),
      "TensorFlow's elements are PyTorch's in the order of axes [1, 0]: a reshape where a transposition is needed, "
      "or the other way round");
  EXPECT_EQ(Case("x", {2, 3}).pytorch({1, 2, 3, 4, 5, 6}).hint_for({1, 6}, {1, 2, 3, 4, 5, 6}),
            "the elements are the same, in the same order: only the shape differs");
  EXPECT_THAT(Case("x", {2, 3}).pytorch({1, 2, 3, 4, 5, 6}).hint_for({3, 2}, {1, 4, 2, 5, 3, 7}), IsEmpty());
}

TEST(Hints, Broadcast) {
  EXPECT_EQ(Case("Embedding", {1, 3}).pytorch({1, 2, 3}).hint_for({2, 3}, {1, 2, 3, 1, 2, 3}),
            "TensorFlow's tensor is PyTorch's, repeated");
  EXPECT_EQ(Case("Embedding", {2, 3}).pytorch({1, 2, 3, 1, 2, 3}).hint_for({3}, {1, 2, 3}),
            "PyTorch's tensor is TensorFlow's, repeated");
  EXPECT_THAT(Case("Embedding", {1, 3}).pytorch({1, 2, 3}).hint_for({2, 3}, {1, 2, 3, 1, 2, 4}), IsEmpty());
  EXPECT_THAT(Case("Embedding", {1, 3}).pytorch({1, 2, 3}).hint_for({2, 4}, noise({2, 4}, 1)), IsEmpty());
}

TEST(Hints, Slices) {
  const Shape shape = {2, 4, 3};
  const Vector pt = noise(shape, 4);
  Vector exchanged(pt.begin() + 12, pt.end());
  exchanged.insert(exchanged.end(), pt.begin(), pt.begin() + 12);
  EXPECT_EQ(Case("x", shape).pytorch(pt).hint_for(exchanged),
            "TensorFlow's slices along axis 0 are PyTorch's in another order: 0 is PyTorch's 1");
  Vector first(pt.begin(), pt.begin() + 12);
  first.insert(first.end(), pt.begin(), pt.begin() + 12);
  EXPECT_EQ(Case("x", shape).pytorch(pt).hint_for(first),
            "every slice of TensorFlow's along axis 0 is PyTorch's slice 0");
  Vector shifted = noise(shape, 5);
  for (const std::size_t row : {0U, 12U}) std::copy_n(pt.begin() + row, 9, shifted.begin() + row + 3);
  EXPECT_EQ(Case("x", shape).pytorch(pt).hint_for(shifted),
            "TensorFlow's slices along axis 1 are PyTorch's, shifted by 1");
  exchanged[0] += 0.5F;
  EXPECT_THAT(Case("x", shape).pytorch(pt).hint_for(exchanged), IsEmpty());
  Vector dead = pt;  // a feature that is zero, as another one is
  for (std::size_t i = 0; i < dead.size(); i += 3) dead[i] = 0;
  Vector more = dead;
  for (std::size_t i = 1; i < more.size(); i += 3) more[i] = 0;
  EXPECT_THAT(Case("ReLU", shape).pytorch(dead).hint_for(more), IsEmpty());
}

TEST(Hints, OtherStages) {
  const Vector pt = noise(kShape, 6);
  const Vector input = noise(kShape, 7);
  const Vector value = noise(kShape, 8);
  const auto suspect = [&] { return Case("x", kShape).pytorch(pt).read("layer.0", input).other("self.value", value); };
  EXPECT_EQ(suspect().hint_for(input), "TensorFlow returns layer.0 as it is: what the module does itself is missing");
  EXPECT_EQ(suspect().hint_for(value), "TensorFlow's values are those of PyTorch's self.value");
  EXPECT_EQ(suspect().hint_for(sum(pt, input, -1)), "TensorFlow does not add layer.0");
  EXPECT_EQ(suspect().hint_for(sum(pt, value, 1)), "TensorFlow adds self.value once too often");
  EXPECT_EQ(suspect().hint_for(sum(pt, input, 0.25F)), "TensorFlow differs by 0.25 times layer.0");
  EXPECT_THAT(suspect().hint_for(sum(pt, noise(kShape, 9))), IsEmpty());
}

TEST(Hints, Bias) {
  const Vector pt = noise(kShape, 10);
  const Vector bias = {1, -2, 0.5F, 0.25F};
  const Vector other = {3, 1, 1, -1};
  const auto suspect = [&] {
    return Case("Linear", kShape).pytorch(pt).bias(bias).alike("self.key", {1, 4}, {1, 2, 3, 4}, other);
  };
  EXPECT_EQ(suspect().hint_for(sum(pt, bias, -1)), "TensorFlow lacks the bias: every row differs by it");
  EXPECT_EQ(suspect().hint_for(sum(pt, bias)), "TensorFlow adds the bias twice: every row differs by it");
  EXPECT_EQ(suspect().hint_for(sum(sum(pt, bias, -1), other)), "TensorFlow adds the bias of self.key");
  EXPECT_EQ(suspect().hint_for(sum(pt, {0, 0, 0.01F, 0})),
            "element 2 of every row differs by 0.01: one element of a bias, likely");
  EXPECT_EQ(suspect().hint_for(sum(pt, {1, 5, 4, 2})),
            "TensorFlow differs by the same vector in every row: a bias, likely");
  EXPECT_EQ(Case("x", kShape).pytorch(pt).hint_for(sum(pt, {2})), "TensorFlow is 2 more everywhere");
  Vector channels = pt;  // [batch, channels, length]
  for (std::size_t i = 0; i < channels.size(); ++i) channels[i] -= Vector{1, 2, 4}[i / 4 % 3];
  EXPECT_EQ(Case("Conv1d", kShape).pytorch(pt).bias({1, 2, 4}).hint_for(channels),
            "TensorFlow lacks the bias: every row differs by it");
  Vector one_row = pt;
  for (std::size_t i = 0; i < 4; ++i) one_row[i] += bias[i];
  EXPECT_THAT(suspect().hint_for(one_row), IsEmpty());
}

TEST(Hints, Dropout) {
  const Shape shape = {4, 10};
  const Vector pt = noise(shape, 11);
  Vector tf = changed(pt, [](float x) { return x / 0.8F; });
  for (std::size_t i = 0; i < tf.size(); i += 5) tf[i] = 0;
  EXPECT_EQ(
      Case("Dropout", shape).pytorch(pt).hint_for(tf),
      "20 % of TensorFlow's elements are zero and the others 1.25 times PyTorch's: dropout is active, with a rate "
      "of 0.2");
  Vector zeros = pt;
  for (std::size_t i = 0; i < zeros.size(); i += 5) zeros[i] = 0;
  EXPECT_THAT(Case("Dropout", shape).pytorch(pt).hint_for(zeros), IsEmpty());
}

TEST(Hints, Dtype) {
  const Shape shape = {5, 8};
  const Vector pt = noise(shape, 12, 40);
  const auto half = [](float x) {  // for normal numbers of float16
    const float unit = std::ldexp(1.0F, std::ilogb(x) - 10);
    return std::nearbyint(x / unit) * unit;
  };
  const auto brain = [](float x) {
    const float unit = std::ldexp(1.0F, std::ilogb(x) - 7);
    return std::nearbyint(x / unit) * unit;
  };
  EXPECT_EQ(Case("x", shape).pytorch(pt).hint_for(changed(pt, half)),
            "TensorFlow's values are PyTorch's rounded to float16");
  EXPECT_EQ(Case("x", shape).pytorch(pt).hint_for(changed(pt, brain)),
            "TensorFlow's values are PyTorch's rounded to bfloat16");
  const Vector near = sum(pt, noise(shape, 13, 0.1F));
  EXPECT_EQ(Case("x", shape).pytorch(pt).hint_for(changed(near, half)),
            "all of TensorFlow's values are float16 numbers: it computes in float16, likely");
  EXPECT_THAT(Case("x", shape).pytorch(pt).hint_for(near), IsEmpty());
  const Vector integers = changed(pt, [](float x) { return std::nearbyint(x); });
  const Vector others = changed(sum(integers, noise(shape, 15, 5)), [](float x) { return std::nearbyint(x); });
  EXPECT_THAT(Case("x", shape).pytorch(integers).hint_for(others), IsEmpty());
}

TEST(Hints, Borders) {
  const Shape shape = {1, 2, 8};
  const Vector pt = noise(shape, 14);
  Vector tf = pt;
  for (const std::size_t i : {0U, 7U, 8U, 15U}) tf[i] += 0.1F * static_cast<float>(i + 1);
  EXPECT_EQ(Case("Conv1d", shape).pytorch(pt).hint_for(tf),
            "only the borders along axis 2 differ (0, 7 of 8): the padding, likely");
  EXPECT_THAT(Case("Linear", shape).pytorch(pt).hint_for(tf), IsEmpty());
  tf[4] += 1;
  EXPECT_THAT(Case("Conv1d", shape).pytorch(pt).hint_for(tf), IsEmpty());
}

// ---- Layers ----

struct NormOptions {
  double epsilon = 1e-5;
  bool mean = true;
  std::size_t less = 0;  // than n, what the variance is divided by
};

Vector normalized(const Vector& x, const Vector& gamma, const Vector& beta, const NormOptions& options = {}) {
  const std::size_t n = gamma.size();
  Vector result(x.size());
  for (std::size_t row = 0; row < x.size(); row += n) {
    double mean = 0;
    for (std::size_t i = 0; options.mean && i < n; ++i) mean += x[row + i] / static_cast<double>(n);
    double variance = 0;
    for (std::size_t i = 0; i < n; ++i) variance += std::pow(x[row + i] - mean, 2);
    variance /= static_cast<double>(n - options.less);
    for (std::size_t i = 0; i < n; ++i) {
      const double value =
          (x[row + i] - mean) / std::sqrt(variance + options.epsilon) * gamma[i] + (beta.empty() ? 0.0F : beta[i]);
      result[row + i] = static_cast<float>(value);
    }
  }
  return result;
}

class Norms : public testing::Test {
 protected:
  Case suspect(bool knows_input = true) const {
    Case made("LayerNorm", shape);
    made.pytorch(normalized(x, gamma, beta)).weight({8}, gamma).bias(beta).number("layer_norm_eps", 1e-5);
    if (knows_input) made.read("words", words).read("types", types);
    return made;
  }

  const Shape shape = {2, 3, 8};
  const Vector words = noise(shape, 20, 0.05F);
  const Vector types = noise(shape, 21, 0.05F);
  const Vector x = sum(words, types);
  const Vector gamma = {1, 0.5F, 2, 1.5F, 0.75F, 1.25F, 1, 2};
  const Vector beta = {0.1F, -0.2F, 0.3F, 0, 0.5F, -0.1F, 0.2F, 0};
};

TEST_F(Norms, Epsilon) {
  EXPECT_EQ(suspect().hint_for(normalized(x, gamma, beta, {.epsilon = 1e-12})),
            "TensorFlow computes with epsilon 1e-12 where PyTorch has 1e-05");
  EXPECT_EQ(suspect().hint_for(normalized(x, gamma, beta, {.epsilon = 1e-3})),
            "TensorFlow computes with epsilon 0.001 where PyTorch has 1e-05");
  EXPECT_THAT(suspect(/*knows_input=*/false).hint_for(normalized(x, gamma, beta, {.epsilon = 1e-3})),
              StartsWith("before the bias, each row is a factor of its own times PyTorch's (0."));
}

TEST_F(Norms, Formula) {
  EXPECT_EQ(suspect().hint_for(normalized(x, gamma, beta, {.mean = false})), "TensorFlow does not subtract the mean");
  for (const bool knows_input : {true, false}) {
    EXPECT_EQ(suspect(knows_input).hint_for(normalized(x, gamma, beta, {.less = 1})),
              "TensorFlow divides the variance by n - 1 where PyTorch divides by n");
    EXPECT_EQ(suspect(knows_input).hint_for(normalized(x, Vector(8, 1), beta)),
              "TensorFlow does not multiply by the weight");
    EXPECT_EQ(suspect(knows_input).hint_for(normalized(x, gamma, {})),
              "TensorFlow lacks the bias: every row differs by it");
  }
  EXPECT_EQ(suspect().hint_for(normalized(x, sum(gamma, {1}), beta)),
            "TensorFlow multiplies by 1 + weight where PyTorch does by weight");
}

TEST_F(Norms, Input) {
  EXPECT_EQ(suspect().hint_for(normalized(words, gamma, beta)), "TensorFlow normalizes words, without types");
}

TEST_F(Norms, Weights) {
  Vector one = gamma;
  one[2] += 0.01F;
  const Vector other_gamma = {2, 1, 1, 0.5F, 1, 2, 3, 1};
  const Vector other_beta = {1, 0, 0, 1, 0.5F, 0, 0, 2};
  for (const bool knows_input : {true, false}) {
    EXPECT_EQ(suspect(knows_input).hint_for(normalized(x, beta, gamma)), "TensorFlow has weight and bias exchanged");
    EXPECT_EQ(suspect(knows_input)
                  .alike("output.LayerNorm", {8}, other_gamma, other_beta)
                  .hint_for(normalized(x, other_gamma, other_beta)),
              "TensorFlow computes with the weights of output.LayerNorm");
    EXPECT_EQ(suspect(knows_input).hint_for(normalized(x, one, beta)),
              "element 2 of TensorFlow's weight is off by 0.01");
  }
}

TEST_F(Norms, OrderOfTheResidual) {
  const Vector residual = noise(shape, 23);
  Case made("LayerNorm", shape);
  made.pytorch(normalized(sum(words, residual), gamma, beta)).weight({8}, gamma).bias(beta).read("dense", words);
  made.other("layer.0", residual).number("layer_norm_eps", 1e-5);
  EXPECT_EQ(made.hint_for(sum(normalized(words, gamma, beta), residual)),
            "TensorFlow adds layer.0 after the norm, PyTorch before it");
  EXPECT_EQ(made.hint_for(normalized(words, gamma, beta)), "TensorFlow normalizes dense, without layer.0");
  EXPECT_EQ(made.hint_for(sum(words, residual)), "TensorFlow returns dense + layer.0, not normalized");
}

TEST_F(Norms, OfAFunction) {
  const auto relu = [](float v) { return std::max(v, 0.0F); };
  Case made("LayerNorm", shape);
  made.pytorch(normalized(changed(words, relu), gamma, beta)).weight({8}, gamma).bias(beta).read("dense", words);
  EXPECT_EQ(made.hint_for(normalized(changed(words, [](float v) { return std::tanh(v); }), gamma, beta)),
            "TensorFlow applies tanh to dense before the norm, PyTorch relu");
}

TEST(Hints, Position) {
  const Vector x = noise({2, 3, 4}, 24);
  const auto rows = [&](std::size_t a, std::size_t b) {
    Vector found(x.begin() + static_cast<std::ptrdiff_t>(4 * a), x.begin() + static_cast<std::ptrdiff_t>(4 * a + 4));
    found.insert(found.end(), x.begin() + static_cast<std::ptrdiff_t>(4 * b),
                 x.begin() + static_cast<std::ptrdiff_t>(4 * b + 4));
    return found;
  };
  const auto suspect = [&] {
    return Case("CLIPTextTransformer", {2, 4}).pytorch(rows(1, 4)).read("norm", {2, 3, 4}, x);
  };
  EXPECT_EQ(suspect().hint_for(rows(1, 5)), "of item 1 of norm TensorFlow takes position 2, PyTorch takes position 1");
  Vector mean(8, 0);
  for (std::size_t i = 0; i < x.size(); ++i) mean[i / 12 * 4 + i % 4] += x[i] / 3;
  EXPECT_EQ(suspect().hint_for(mean), "of item 0 of norm TensorFlow takes the mean, PyTorch takes position 1");
  EXPECT_THAT(suspect().hint_for(noise({2, 4}, 25)), IsEmpty());
}

TEST_F(Norms, NoneForOtherFaults) {
  const Vector other = sum(words, noise(shape, 22, 0.05F));
  EXPECT_THAT(suspect().hint_for(normalized(other, gamma, beta)), IsEmpty());
  EXPECT_THAT(suspect(/*knows_input=*/false).hint_for(normalized(other, gamma, beta)), IsEmpty());
  Vector one = normalized(x, gamma, beta);
  one[13] += 1e-4F;
  EXPECT_THAT(suspect().hint_for(one), IsEmpty());
}

TEST(Hints, BatchNorm) {
  const Shape shape = {2, 2, 3};
  const Vector x = {1, 2, 3, 10, 20, 30, 4, 5, 6, 40, 50, 60};
  const Vector gamma = {2, 3};
  const Vector beta = {1, -1};
  const auto with = [&](const Vector& mean, const Vector& variance) {
    Vector y = x;
    for (std::size_t i = 0; i < y.size(); ++i) {
      const std::size_t c = i / 3 % 2;
      y[i] = (x[i] - mean[c]) / std::sqrt(variance[c] + 1e-5F) * gamma[c] + beta[c];
    }
    return y;
  };
  const auto suspect = [&] {
    return Case("BatchNorm1d", shape).pytorch(with({0.5F, 1}, {2, 4})).read("conv", x).weight({2}, gamma).bias(beta);
  };
  EXPECT_EQ(suspect().hint_for(with({3.5F, 35}, {17.5F / 6, 1750.0F / 6})),
            "TensorFlow normalizes by the statistics of this batch where PyTorch takes those of training");
  EXPECT_THAT(suspect().hint_for(with({3, 30}, {2, 3})), IsEmpty());
}

TEST(Hints, Activation) {
  const Shape shape = {4, 10};
  const Vector x = noise(shape, 30, 2);
  const auto gelu = [](float v) { return 0.5F * v * (1 + std::erf(v / std::sqrt(2.0F))); };
  const auto gelu_new = [](float v) {
    return 0.5F * v * (1 + std::tanh(std::sqrt(2 / 3.14159265F) * (v + 0.044715F * v * v * v)));
  };
  const auto quick = [](float v) { return v / (1 + std::exp(-1.702F * v)); };
  const auto suspect = [&] { return Case("GELUActivation", shape).pytorch(changed(x, gelu)).read("dense", x); };
  EXPECT_EQ(suspect().hint_for(changed(x, gelu_new)),
            "TensorFlow applies gelu_new (the approximation by tanh) to dense, PyTorch gelu");
  EXPECT_EQ(suspect().hint_for(changed(x, quick)), "TensorFlow applies quick_gelu to dense, PyTorch gelu");
  EXPECT_EQ(suspect().hint_for(x), "TensorFlow applies no function to dense, PyTorch gelu");
  EXPECT_EQ(Case("ACT", shape)
                .pytorch(changed(x, [](float v) { return std::max(v, 0.0F); }))
                .read("fc1", x)
                .hint_for(changed(x, gelu)),
            "TensorFlow applies gelu to fc1, PyTorch relu");
  EXPECT_THAT(suspect().hint_for(sum(changed(x, gelu), noise(shape, 31, 1e-3F))), IsEmpty());
  EXPECT_THAT(suspect().hint_for(changed(x, [](float v) { return std::sin(v); })), IsEmpty());
}

Vector product(const Vector& x, const Vector& w, const Vector& bias, bool transposed = false) {
  const std::size_t out = bias.size();
  const std::size_t in = w.size() / out;
  Vector y(x.size() / in * out);
  for (std::size_t i = 0; i < y.size(); ++i) {
    double value = bias[i % out];
    for (std::size_t k = 0; k < in; ++k) {
      value += static_cast<double>(x[i / out * in + k]) * w[transposed ? i % out * in + k : k * out + i % out];
    }
    y[i] = static_cast<float>(value);
  }
  return y;
}

class Linears : public testing::Test {
 protected:
  Case suspect(bool knows_input = true) const {
    Case made("Linear", shape);
    made.pytorch(product(x, w, b)).weight({4, 4}, w).bias(b).alike("self.key", {4, 4}, other_w, other_b);
    if (knows_input) made.read("layer", x);
    return made;
  }

  const Shape shape = {2, 4, 4};
  const Vector x = noise(shape, 40);
  const Vector w = noise({4, 4}, 41);
  const Vector b = {0.5F, -1, 2, 0.25F};
  const Vector other_w = noise({4, 4}, 42);
  const Vector other_b = {1, 1, -1, 2};
};

TEST_F(Linears, Kernels) {
  for (const bool knows_input : {true, false}) {
    EXPECT_EQ(suspect(knows_input).hint_for(product(x, w, b, /*transposed=*/true)),
              "TensorFlow multiplies by the transposed kernel");
    EXPECT_EQ(suspect(knows_input).hint_for(product(x, other_w, other_b)),
              "TensorFlow computes with the weights of self.key");
    EXPECT_EQ(suspect(knows_input).hint_for(product(x, other_w, b)), "TensorFlow multiplies by the kernel of self.key");
    Vector one = w;
    one[6] += 1e-3F;
    EXPECT_EQ(suspect(knows_input).hint_for(product(x, one, b)),
              "one element of TensorFlow's kernel, [1, 2], is off by 0.001");
    const auto brain = [](float v) {
      const float unit = std::ldexp(1.0F, std::ilogb(v) - 7);
      return std::nearbyint(v / unit) * unit;
    };
    EXPECT_EQ(suspect(knows_input).hint_for(product(x, changed(w, brain), changed(b, brain))),
              "TensorFlow computes with weights rounded to bfloat16");
    EXPECT_EQ(suspect(knows_input).hint_for(product(x, changed(w, brain), b)),
              "TensorFlow computes with weights rounded to bfloat16");
  }
}

TEST_F(Linears, Positions) {
  const Shape pooled = {2, 4};
  const auto row = [&](std::size_t at) {
    Vector rows(x.begin() + static_cast<std::ptrdiff_t>(4 * at), x.begin() + static_cast<std::ptrdiff_t>(4 * at + 4));
    rows.insert(rows.end(), x.begin() + static_cast<std::ptrdiff_t>(16 + 4 * at),
                x.begin() + static_cast<std::ptrdiff_t>(20 + 4 * at));
    return product(rows, w, b);
  };
  EXPECT_EQ(Case("Linear", pooled).pytorch(row(0)).weight({4, 4}, w).bias(b).read("encoder", shape, x).hint_for(row(3)),
            "TensorFlow takes position 3 of encoder where PyTorch takes position 0 of encoder");
}

TEST_F(Linears, NoneForOtherFaults) {
  for (const bool knows_input : {true, false}) {
    EXPECT_THAT(suspect(knows_input).hint_for(product(x, noise({4, 4}, 43), b)), IsEmpty());
    EXPECT_THAT(suspect(knows_input).hint_for(product(noise(shape, 44), w, b)), IsEmpty());
    EXPECT_THAT(suspect(knows_input).hint_for(sum(product(x, w, b), noise(shape, 45, 1e-4F))), IsEmpty());
  }
}

Vector rows_of(const Vector& table, std::size_t size, const std::vector<std::size_t>& ids) {
  Vector rows;
  for (const std::size_t id : ids) {
    rows.insert(rows.end(), table.begin() + static_cast<std::ptrdiff_t>(id * size),
                table.begin() + static_cast<std::ptrdiff_t>((id + 1) * size));
  }
  return rows;
}

TEST(Hints, Embedding) {
  const Vector table = noise({9, 4}, 50);
  const Shape shape = {2, 3, 4};
  const auto taken = [&](const std::vector<std::size_t>& ids) { return rows_of(table, 4, ids); };
  const auto suspect = [&] { return Case("Embedding", shape).weight({9, 4}, table).number("pad_token_id", 1); };
  EXPECT_EQ(
      suspect().path("position_embeddings").pytorch(taken({2, 3, 4, 2, 3, 4})).hint_for(taken({0, 1, 2, 0, 1, 2})),
      "TensorFlow takes row 0 at [0, 0] where PyTorch takes 2, 2 less everywhere: the positions' offset, "
      "pad_token_id + 1");
  EXPECT_EQ(suspect().pytorch(taken({0, 1, 1, 0, 0, 1})).hint_for(taken({0, 0, 0, 0, 0, 0})),
            "TensorFlow takes row 0 everywhere, PyTorch takes 1 at [0, 1]");
  EXPECT_EQ(suspect().pytorch(taken({5, 6, 7, 8, 1, 2})).hint_for(taken({5, 6, 7, 8, 2, 1})),
            "TensorFlow takes row 2 at [1, 1] where PyTorch takes 1; other ids at 2 of 6 places");
  Vector tf = taken({5, 6, 5, 8, 1, 2});
  tf[1] += 0.5F;
  tf[9] += 0.5F;
  EXPECT_EQ(suspect().pytorch(taken({5, 6, 5, 8, 1, 2})).hint_for(tf),
            "row 5 of TensorFlow's table is not the checkpoint's, the others that are taken are");
  EXPECT_THAT(suspect().pytorch(taken({5, 6, 5, 8, 1, 2})).hint_for(sum(taken({5, 6, 5, 8, 1, 2}), noise(shape, 51))),
              IsEmpty());
  const Vector doubled = changed(taken({5, 6, 5, 8, 1, 2}), [](float v) { return 2 * v; });  // sqrt(4)
  EXPECT_EQ(suspect().pytorch(doubled).hint_for(taken({5, 6, 5, 8, 1, 2})),
            "TensorFlow's values are 0.5 times PyTorch's");
}

// ---- Attention ----

class Attentions : public testing::Test {
 protected:
  /// The softmax of the scores over the keys; `allowed` says which there are.
  Vector softmax(const std::function<bool(std::size_t, std::size_t, std::size_t)>& allowed, double scale = 1,
                 double masked = 0) const {
    Vector result(scores.size());
    for (std::size_t row = 0; row < scores.size(); row += 4) {
      double total = 0;
      const auto at = [&](std::size_t i) {
        const bool is_there = allowed(row / 32, row / 4 % 4, i);
        return is_there ? std::exp(scale * scores[row + i]) : masked * std::exp(scale * scores[row + i]);
      };
      for (std::size_t i = 0; i < 4; ++i) total += at(i);
      for (std::size_t i = 0; i < 4; ++i) result[row + i] = static_cast<float>(at(i) / total);
    }
    return result;
  }
  Case suspect(const Vector& pt) const {
    Case made("SelfAttention", shape);
    made.pytorch(pt).mask({2, 4}, {1, 1, 1, 1, 1, 1, 0, 0}).number("hidden_size", 32).number("heads", 2);
    return made;
  }

  const Shape shape = {2, 2, 4, 4};  // [batch, heads, queries, keys]
  const Vector scores = noise(shape, 60);
};

constexpr auto kAll = [](std::size_t, std::size_t, std::size_t) { return true; };
constexpr auto kMasked = [](std::size_t item, std::size_t, std::size_t key) { return item == 0 || key < 2; };
constexpr auto kCausal = [](std::size_t, std::size_t query, std::size_t key) { return key <= query; };

TEST_F(Attentions, Mask) {
  EXPECT_THAT(suspect(softmax(kMasked)).hint_for(softmax(kAll)),
              testing::MatchesRegex("keys that attention_mask excludes carry up to 0\\.[0-9]+ of the probability in "
                                    "TensorFlow: the mask is not applied"));
  EXPECT_THAT(suspect(softmax(kMasked)).hint_for(softmax(kMasked, 1, 1e-4)),
              HasSubstr("the value for masked scores is too small"));
  EXPECT_EQ(suspect(softmax(kAll)).hint_for(softmax(kMasked)),
            "TensorFlow applies attention_mask where PyTorch does not");
  EXPECT_THAT(suspect(softmax(kMasked)).hint_for(sum(softmax(kMasked), noise(shape, 61, 0.01F))), IsEmpty());
}

TEST_F(Attentions, CausalMask) {
  EXPECT_THAT(suspect(softmax(kCausal)).hint_for(softmax(kAll)), HasSubstr("the causal mask is missing"));
  const auto next = [](std::size_t, std::size_t query, std::size_t key) { return key <= query + 1; };
  EXPECT_THAT(suspect(softmax(kCausal)).hint_for(softmax(next)), HasSubstr("the causal mask is off by one"));
  EXPECT_EQ(suspect(softmax(kAll)).hint_for(softmax(kCausal)),
            "TensorFlow gives keys after the query nothing: a causal mask that PyTorch does not have");
}

TEST_F(Attentions, RowsWithoutKeys) {
  Vector pt = softmax(kAll);
  const Vector tf = pt;
  for (std::size_t i = 32; i < 64; ++i) pt[i] = 0.25F;
  EXPECT_EQ(Case("SelfAttention", shape).pytorch(pt).mask({2, 4}, {1, 1, 1, 1, 0, 0, 0, 0}).hint_for(tf),
            "only items whose mask excludes every key differ: the mask's value is added, or chosen, in another way");
  Vector both = tf;
  std::swap(both[0], both[1]);
  EXPECT_THAT(Case("SelfAttention", shape).pytorch(pt).mask({2, 4}, {1, 1, 1, 1, 0, 0, 0, 0}).hint_for(both),
              IsEmpty());
}

TEST_F(Attentions, SoftmaxOverAnotherAxis) {
  Vector tf(scores.size());
  for (std::size_t i = 0; i < scores.size(); ++i) {
    double total = 0;
    for (std::size_t query = 0; query < 4; ++query) total += std::exp(scores[i / 16 * 16 + query * 4 + i % 4]);
    tf[i] = static_cast<float>(std::exp(scores[i]) / total);
  }
  EXPECT_EQ(
      suspect(softmax(kAll)).hint_for(tf),
      "TensorFlow's probabilities sum to one along axis 2 and not along the keys: the softmax is over another axis");
}

TEST_F(Attentions, ScaleOfScores) {
  EXPECT_EQ(suspect(softmax(kMasked)).hint_for(softmax(kMasked, 4)),
            "TensorFlow's scores before the softmax are 4 times PyTorch's (sqrt(16), the size of a head being 16)");
  EXPECT_EQ(suspect(softmax(kCausal)).hint_for(softmax(kCausal, 0.7)),
            "TensorFlow's scores before the softmax are 0.7 times PyTorch's");
}

TEST_F(Attentions, ProbabilitiesComeBeforeTheContext) {
  Vector context = noise({2, 3}, 62);
  const Vector pt = softmax(kCausal);
  const Vector tf = softmax(kAll);
  Suspect both{.path = "self", .class_name = "SelfAttention", .tensorflow = {}, .pytorch = {}};
  const Vector other = noise({2, 3}, 63);
  both.pytorch = {{{2, 3}, context}, {shape, pt}};
  both.tensorflow = {{{2, 3}, other}, {shape, tf}};
  EXPECT_THAT(hint(both), HasSubstr("the causal mask is missing"));
  EXPECT_THAT(hint_of_probabilities(both), HasSubstr("the causal mask is missing"));
  both.tensorflow[1] = both.pytorch[1];
  EXPECT_THAT(hint_of_probabilities(both), IsEmpty());
}

// ---- No false hints ----

// Differences that have no cause of the kinds above, in every kind of module, with everything known about it.
TEST(Hints, NoneForNoise) {
  const Shape shape = {2, 4, 8};
  for (unsigned seed = 0; seed < 200; ++seed) {
    for (const char* class_name : {"Linear", "LayerNorm", "T5LayerNorm", "BatchNorm1d", "GELUActivation", "Embedding",
                                   "Conv1d", "BertSelfAttention"}) {
      const Vector pt = noise(shape, 100 + seed);
      Case suspect(class_name, shape);
      suspect.pytorch(pt).read("a", noise(shape, 300 + seed)).read("b", noise(shape, 500 + seed));
      for (unsigned i = 0; i < 20; ++i) suspect.other(std::to_string(i), noise(shape, 1000 * seed + i));
      if (class_name == std::string("Linear") || class_name == std::string("Embedding")) {
        suspect.weight({8, 8}, noise({8, 8}, 700 + seed));
        for (unsigned i = 0; i < 20; ++i) {
          suspect.alike(std::to_string(i), {8, 8}, noise({8, 8}, 2000 * seed + i), noise({8}, 3000 * seed + i));
        }
      } else {
        suspect.weight({8}, noise({8}, 700 + seed));
      }
      suspect.bias(noise({8}, 900 + seed));
      EXPECT_THAT(suspect.hint_for(sum(pt, noise(shape, 50 + seed, seed % 2 == 0 ? 1e-4F : 1))), IsEmpty());
      Vector one = pt;
      one[seed % one.size()] += 0.1F;
      EXPECT_THAT(suspect.hint_for(one), IsEmpty());
      EXPECT_THAT(suspect.hint_for(pt), IsEmpty());
    }
  }
}

TEST(Hints, NoneWhereNothingIsKnown) {
  EXPECT_THAT(hint({.path = "", .class_name = "", .tensorflow = {}, .pytorch = {}}), IsEmpty());
  const Vector one = {1};
  const Vector two = {2};
  EXPECT_THAT(hint({.path = "x", .class_name = "Linear", .tensorflow = {{{}, one}}, .pytorch = {{{}, two}}}),
              IsEmpty());
  EXPECT_THAT(hint({.path = "x", .class_name = "Linear", .tensorflow = {{{0}, {}}}, .pytorch = {{{0}, {}}}}),
              IsEmpty());
  EXPECT_THAT(hint({.path = "x", .class_name = "Embedding", .tensorflow = {{{1}, one}}, .pytorch = {{{1}, two}}}),
              IsEmpty());
}

}  // namespace
}  // namespace crossload::verify

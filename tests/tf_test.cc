// TensorFlow: opening its library, operations against values worked out by hand, and errors.
#include <dlfcn.h>
#include <link.h>

#include <cmath>
#include <numbers>

#include "graph_fixture.h"
#include "verify/runner.h"

namespace crossload::tf {
namespace {

namespace fs = std::filesystem;

using testing::ElementsAre;
using testing::HasSubstr;

/// An environment variable for one test.
class EnvironmentVariable {
 public:
  EnvironmentVariable(const char* name, const std::string& value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    ::setenv(name, value.c_str(), /*overwrite=*/1);
  }
  ~EnvironmentVariable() {
    if (old_) {
      ::setenv(name_, old_->c_str(), /*overwrite=*/1);
    } else {
      ::unsetenv(name_);
    }
  }
  EnvironmentVariable(const EnvironmentVariable&) = delete;
  EnvironmentVariable& operator=(const EnvironmentVariable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> old_;
};

void expect_no_library(const fs::path& path, const std::string& text) {
  EXPECT_ERROR(Library::open({.path = path}), ErrorKind::kEnvironment, text);
  EXPECT_ERROR(Library::open({.path = path}), ErrorKind::kEnvironment,
               "; install it with `pip install tensorflow-cpu` and name it");
}

TEST(OpeningTensorFlow, GivesAVersionAndAPath) {
  EXPECT_THAT(library()->version(), testing::StartsWith("2."));
  EXPECT_THAT(library()->path().filename().string(), HasSubstr("tensorflow"));
}

TEST(OpeningTensorFlow, APlaceThatIsGivenMustHaveIt) {
  TemporaryFolder folder;
  const std::string where = ", where there is no libtensorflow_cc.so.2";
  expect_no_library("/no/such/place", "TensorFlow: --tensorflow is /no/such/place" + where);
  expect_no_library(folder.path(), "--tensorflow is " + folder.path().string() + where);
  const EnvironmentVariable variable("CROSSLOAD_TENSORFLOW", "/no/such/place");
  expect_no_library("", "TensorFlow: CROSSLOAD_TENSORFLOW is /no/such/place" + where);
}

TEST(OpeningTensorFlow, TheFileMustBeTheLibrary) {
  TemporaryFolder folder;
  const fs::path text = folder.path() / "libtensorflow_cc.so.2";
  write_file(text, "this is a text, longer than the header of a library: " + std::string(200, '-'));
  expect_no_library(text, "TensorFlow: cannot be opened: " + text.string() + ": ");
  expect_no_library(folder.path(), "TensorFlow: cannot be opened: " + text.string() + ": ");
  link_map* math = nullptr;
  void* handle = ::dlopen("libm.so.6", RTLD_NOW);
  ASSERT_NE(handle, nullptr);
  ASSERT_EQ(::dlinfo(handle, RTLD_DI_LINKMAP, &math), 0);
  expect_no_library(math->l_name, std::string(math->l_name) + " lacks TF_Version: too old, or another library");
}

TEST(OpeningTensorFlow, AFileOfTheWorkingFolderNeedsNoSlash) {
  TemporaryFolder folder;
  write_file(folder.path() / "mine.so", "a text");
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  EXPECT_ERROR(Library::open({.path = "mine.so"}), ErrorKind::kEnvironment, "mine.so: file too short");
  fs::current_path(before);
}

class Ops : public GraphTest {};

TEST_F(Ops, WhatAnOperationMadeCanBeSubstituted) {
  const Tensor a = vector({1, 4});
  std::vector<std::string> seen;
  graph_.set_substitute([&](const Tensor& made) {
    seen.push_back(library()->TF_OperationOpType(made.output().oper));
    return seen.back() == "Neg" ? square(made) : made;
  });
  expect(-a, {2}, {1, 16});
  expect(split(-a, 2, 0)[1], {1}, {16});
  graph_.set_substitute(nullptr);
  expect(-a, {2}, {-1, -4});
  EXPECT_THAT(seen, ElementsAre("Neg", "Neg", "Const", "Split", "Split"));  // and no Square
}

TEST_F(Ops, Arithmetic) {
  const Tensor a = vector({6, -3, 0.5});
  const Tensor b = vector({2, 4, -0.25});
  expect(a + b, {3}, {8, 1, 0.25});
  expect(a - b, {3}, {4, -7, 0.75});
  expect(a * b, {3}, {12, -12, -0.125});
  expect(a / b, {3}, {3, -0.75, -2});
  expect(-a, {3}, {-6, 3, -0.5});
  expect(a + 1, {3}, {7, -2, 1.5});
  expect(a - 1, {3}, {5, -4, -0.5});
  expect(a * 2, {3}, {12, -6, 1});
  expect(a / 2, {3}, {3, -1.5, 0.25});
  expect(1 + a, {3}, {7, -2, 1.5});
  expect(1 - a, {3}, {-5, 4, 0.5});
  expect(2 * a, {3}, {12, -6, 1});
  expect(3 / a, {3}, {0.5, -1, 6});
  expect(maximum(a, b), {3}, {6, 4, 0.5});
  expect(minimum(a, b), {3}, {2, -3, -0.25});
  expect(clip(a, -1, 2), {3}, {2, -1, 0.5});
  expect(pow(a, 2), {3}, {36, 9, 0.25}, 1e-5);
  expect(squared_difference(a, b), {3}, {16, 49, 0.5625});
}

TEST_F(Ops, NumbersTakeTheTypeOfTheTensor) {
  const Tensor i = ints({2}, {3, -3}) + 2.0;
  EXPECT_EQ(i.dtype(), DataType::kInt32);
  expect(i, {2}, {5, -1});
  const std::vector<double> third = {1.0 / 3};
  const Tensor d = 3 * graph_.constant(HostTensor::of<double>(library(), {1}, third));
  EXPECT_EQ(d.dtype(), DataType::kDouble);
  expect(d, {1}, {1}, 1e-15);
}

TEST_F(Ops, Broadcasting) {
  const Tensor matrix = floats({2, 3}, {1, 2, 3, 4, 5, 6});
  expect(matrix + vector({10, 20, 30}), {2, 3}, {11, 22, 33, 14, 25, 36});
  expect(floats({2, 1}, {10, 100}) * matrix, {2, 3}, {10, 20, 30, 400, 500, 600});
  expect(floats({2, 1}, {1, 2}) - floats({1, 3}, {0, 1, 2}), {2, 3}, {1, 0, -1, 2, 1, 0});
  expect(matrix + floats({1, 1, 1}, {1}), {1, 2, 3}, {2, 3, 4, 5, 6, 7});
}

TEST_F(Ops, FunctionsOfOneElement) {
  struct Case {
    const char* name;
    Tensor (*op)(const Tensor&);
    double (*formula)(double);
    bool positive = false;
  };
  const std::vector<float> any = {-7, -2, -0.5, 0, 0.25, 1, 3, 6.5, 8};
  const std::vector<float> positive = {0.25, 1, 3, 6.5, 100};
  for (const Case& c : std::vector<Case>{
           {"abs", abs, [](double x) { return x < 0 ? -x : x; }},
           {"elu", elu, [](double x) { return x < 0 ? std::expm1(x) : x; }},
           {"erf", erf, [](double x) { return std::erf(x); }},
           {"exp", exp, [](double x) { return std::exp(x); }},
           {"log", log, [](double x) { return std::log(x); }, true},
           {"relu", relu, [](double x) { return x < 0 ? 0 : x; }},
           {"relu6", relu6, [](double x) { return x < 0 ? 0 : (x > 6 ? 6 : x); }},
           {"rsqrt", rsqrt, [](double x) { return 1 / std::sqrt(x); }, true},
           {"selu", selu,
            [](double x) { return 1.0507009873554805 * (x < 0 ? 1.6732632423543772 * std::expm1(x) : x); }},
           {"sigmoid", sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }},
           {"softplus", softplus, [](double x) { return std::log1p(std::exp(x)); }},
           {"sqrt", sqrt, [](double x) { return std::sqrt(x); }, true},
           {"square", square, [](double x) { return x * x; }},
           {"tanh", tanh, [](double x) { return std::tanh(x); }},
           {"ones_like", ones_like, [](double) { return 1.0; }},
           {"zeros_like", zeros_like, [](double) { return 0.0; }},
           {"identity", identity, [](double x) { return x; }},
           {"stop_gradient", stop_gradient, [](double x) { return x; }},
           {"leaky_relu", [](const Tensor& x) { return leaky_relu(x, 0.125); },
            [](double x) { return x < 0 ? x / 8 : x; }},
       }) {
    const std::vector<float>& inputs = c.positive ? positive : any;
    const HostTensor result = run(c.op(vector(inputs)));
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const double wanted = c.formula(static_cast<double>(inputs[i]));
      EXPECT_NEAR(as_double(result, i), wanted, 1e-6 * (1 + std::abs(wanted))) << c.name << "(" << inputs[i] << ")";
    }
  }
}

TEST_F(Ops, Casting) {
  expect(cast(vector({-1.75, 0, 2.5}), DataType::kInt32), {3}, {-1, 0, 2});
  expect(cast(vector({-1.75, 0, 2.5}), DataType::kBool), {3}, {1, 0, 1});
  expect(cast(ints({2}, {-1, 7}), DataType::kFloat), {2}, {-1, 7});
  expect(cast(ints({2}, {-1, 7}), DataType::kInt64), {2}, {-1, 7});
  const Tensor x = vector({1});
  EXPECT_EQ(cast(x, DataType::kFloat).name(), x.name());  // nothing to do
}

TEST_F(Ops, ComparisonsAndChoices) {
  const Tensor a = vector({1, 2, 3});
  const Tensor b = vector({3, 2, 1});
  EXPECT_EQ(less(a, b).dtype(), DataType::kBool);
  expect(equal(a, b), {3}, {0, 1, 0});
  expect(less(a, b), {3}, {1, 0, 0});
  expect(less_equal(a, b), {3}, {1, 1, 0});
  expect(greater_equal(a, b), {3}, {0, 1, 1});
  expect(logical_and(less_equal(a, b), greater_equal(a, b)), {3}, {0, 1, 0});
  expect(where(less(a, b), a * 10, b), {3}, {10, 2, 1});
  expect(where(less(floats({2, 1}, {0, 9}), vector({5})), floats({}, {1}), floats({1, 2}, {7, 8})), {2, 2},
         {1, 1, 7, 8});
}

TEST_F(Ops, MatrixProducts) {
  const Tensor a = floats({2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor b = floats({3, 2}, {1, 0, 0, 1, 2, -1});
  expect(matmul(a, b), {2, 2}, {7, -1, 16, -1});
  expect(matmul(a, a, /*transpose_a=*/true), {3, 3}, {17, 22, 27, 22, 29, 36, 27, 36, 45});
  expect(matmul(a, a, false, /*transpose_b=*/true), {2, 2}, {14, 32, 32, 77});
  expect(matmul(b, a, true, true), {2, 2}, {7, 16, -1, -1});
  const Tensor batch = floats({2, 1, 3}, {1, 2, 3, 4, 5, 6});
  expect(matmul(batch, b), {2, 1, 2}, {7, -1, 16, -1});
  expect(matmul(batch, batch, false, true), {2, 1, 1}, {14, 77});
  expect(matmul(batch, floats({2, 1, 2}, {1, 2, 3, 4}), true), {2, 3, 2}, {1, 2, 2, 4, 3, 6, 12, 16, 15, 20, 18, 24});
  expect(einsum("ij,jk->ik", a, b), {2, 2}, {7, -1, 16, -1});
  // "bld,lrd->blr": every query position has distance vectors of its own.
  expect(
      einsum("bld,lrd->blr", floats({1, 2, 2}, {1, 2, 3, 4}), floats({2, 3, 2}, {1, 0, 0, 1, 1, 1, 2, 0, 0, 2, -1, 1})),
      {1, 2, 3}, {1, 2, 3, 6, 8, 1});
  expect(bias_add(batch, vector({10, 20, 30})), {2, 1, 3}, {11, 22, 33, 14, 25, 36});
}

TEST_F(Ops, Reductions) {
  const Tensor x = floats({2, 3}, {1, 2, 3, 4, 5, 9});
  expect(reduce_sum(x, {-1}, /*keep_dims=*/false), {2}, {6, 18});
  expect(reduce_sum(x, {0}, true), {1, 3}, {5, 7, 12});
  expect(reduce_mean(x, {1}, true), {2, 1}, {2, 6});
  expect(reduce_mean(x, {0, 1}, false), {}, {4});
  const double e = std::numbers::e;
  expect(softmax(floats({2, 2}, {0, 1, 5, 5})), {2, 2}, {1 / (1 + e), e / (1 + e), 0.5, 0.5}, 1e-7);
}

TEST_F(Ops, Shapes) {
  const Tensor x = floats({2, 3}, {1, 2, 3, 4, 5, 6});
  expect(shape(x), {2}, {2, 3});
  expect(reshape(x, {3, 2}), {3, 2}, {1, 2, 3, 4, 5, 6});
  expect(reshape(x, {-1}), {6}, {1, 2, 3, 4, 5, 6});
  expect(transpose(x, {1, 0}), {3, 2}, {1, 4, 2, 5, 3, 6});
  expect(transpose(floats({1, 2, 3}, {1, 2, 3, 4, 5, 6}), {2, 0, 1}), {3, 1, 2}, {1, 4, 2, 5, 3, 6});
  expect(expand_dims(x, 1), {2, 1, 3}, {1, 2, 3, 4, 5, 6});
  expect(expand_dims(x, -1), {2, 3, 1}, {1, 2, 3, 4, 5, 6});
  expect(squeeze(expand_dims(x, 1), 1), {2, 3}, {1, 2, 3, 4, 5, 6});
  expect(squeeze(floats({1, 2, 1}, {7, 8}), -1), {1, 2}, {7, 8});
  expect(broadcast_to(vector({1, 2}), {2, 2}), {2, 2}, {1, 2, 1, 2});
  expect(concat({x, x * 10}, 0), {4, 3}, {1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60});
  expect(concat({x, floats({2, 1}, {7, 8})}, -1), {2, 4}, {1, 2, 3, 7, 4, 5, 6, 8});
  expect(stack({vector({1, 2}), vector({3, 4}), vector({5, 6})}), {3, 2}, {1, 2, 3, 4, 5, 6});
  expect(gather(x, ints({2, 2}, {1, 0, 1, 1})), {2, 2, 3}, {4, 5, 6, 1, 2, 3, 4, 5, 6, 4, 5, 6});
  const std::vector<Tensor> parts = split(x, 3, -1);
  ASSERT_EQ(parts.size(), 3U);
  expect(parts[0], {2, 1}, {1, 4});
  expect(parts[2], {2, 1}, {3, 6});
}

TEST_F(Ops, Pieces) {
  const Tensor x = floats({2, 3, 2}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  expect(slice(x, 1, 1, 3), {2, 2, 2}, {3, 4, 5, 6, 9, 10, 11, 12});
  expect(slice(x, -1, 0, 1), {2, 3, 1}, {1, 3, 5, 7, 9, 11});
  expect(slice(x, 0, 1, 2), {1, 3, 2}, {7, 8, 9, 10, 11, 12});
  expect(slice(x, 1, 2, 2), {2, 0, 2}, {});
  expect(slice(x, 1, 1, 99), {2, 2, 2}, {3, 4, 5, 6, 9, 10, 11, 12});  // as in Python
  expect(select(x, 0, 1), {3, 2}, {7, 8, 9, 10, 11, 12});
  expect(select(x, 1, 0), {2, 2}, {1, 2, 7, 8});
  expect(select(x, -1, 1), {2, 3}, {2, 4, 6, 8, 10, 12});
  expect(select(x, 1, -1), {2, 2}, {5, 6, 11, 12});
  expect(select(x, 1, 2), {2, 2}, {5, 6, 11, 12});
}

TEST_F(Ops, Generated) {
  expect(range(graph_, 4), {4}, {0, 1, 2, 3});
  expect(range(graph_, 0), {0}, {});
  expect(fill(graph_, {2, 2}, graph_.constant(0.5F)), {2, 2}, {0.5, 0.5, 0.5, 0.5});
  const Tensor random = random_uniform(graph_, graph_.constant(std::vector<std::int32_t>{40, 50}));
  const HostTensor first = run(random);
  const HostTensor second = run(random);
  double sum = 0;
  for (const float value : first.values<float>()) {
    ASSERT_TRUE(value >= 0 && value < 1);
    sum += static_cast<double>(value);
  }
  EXPECT_NEAR(sum / 2000, 0.5, 5 * std::sqrt(1.0 / 12 / 2000));  // five standard deviations
  EXPECT_FALSE(std::ranges::equal(first.values<float>(), second.values<float>()));
}

TEST_F(Ops, SizesThatAreKnownAtRunTime) {
  const Tensor x = unknown({-1, -1, 4}, host({2, 3, 4}, std::vector<float>(24, 1)));
  const Dims dims = dims_of(x);
  ASSERT_EQ(dims.size(), 3U);
  EXPECT_FALSE(dims[0].known());
  EXPECT_FALSE(dims[1].known());
  ASSERT_TRUE(dims[2].known());
  EXPECT_EQ(dims[2].size(), 4);
  expect(pack_dims(graph_, {dims[1], 7, dims[2]}), {3}, {3, 7, 4});
  expect(dims[1].as_tensor(graph_), {}, {3});
  expect(dims[2].as_tensor(graph_), {}, {4});
  expect(shape(reshape(x, {dims[0], dims[1], 2, 2})), {4}, {2, 3, 2, 2});
  expect(shape(reshape(x, {-1, dims[1]})), {2}, {8, 3});
  expect(range(graph_, dims[1]), {3}, {0, 1, 2});
  expect(slice(vector({1, 2, 3, 4, 5}), 0, 1, dims[1]), {2}, {2, 3});
  expect(shape(broadcast_to(vector({1}), {dims[0], 5})), {2}, {2, 5});
  expect(fill(graph_, {dims[1]}, graph_.constant(2.0F)), {3}, {2, 2, 2});
  EXPECT_EQ(x.shape(), (Shape{-1, -1, 4}));
  EXPECT_EQ(x.dim(-1), 4);
  EXPECT_EQ(x.dim(0), -1);
  EXPECT_EQ(matmul(x, floats({1, 4, 5}, std::vector<float>(20))).shape(), (Shape{-1, -1, 5}));
}

TEST_F(Ops, ErrorsCarryTensorFlowsMessage) {
  const Tensor a = floats({2, 3}, std::vector<float>(6));
  EXPECT_ERROR(matmul(a, a), ErrorKind::kBadInput, "TensorFlow, operation MatMul \"MatMul_");
  EXPECT_ERROR(matmul(a, a), ErrorKind::kBadInput, "Dimensions must be equal, but are 3 and 2");
  EXPECT_ERROR(a + ints({3}, {1, 2, 3}), ErrorKind::kBadInput, "AddV2");
  EXPECT_ERROR(reshape(a, {4}), ErrorKind::kBadInput, "Cannot reshape a tensor with 6 elements");
  EXPECT_ERROR(graph_.operation("NoSuchOp").output(), ErrorKind::kBadInput, "Op type not registered 'NoSuchOp'");
  EXPECT_ERROR(select(a, 0, 2), ErrorKind::kBadInput, "TensorFlow, operation StridedSlice");
  EXPECT_ERROR(a.dim(2), ErrorKind::kBadInput, "of shape [2, 3] has no dimension 2");
  EXPECT_ERROR(a.dim(-3), ErrorKind::kBadInput, "has no dimension -3");
  const Tensor anything = graph_.operation("Placeholder").type("dtype", DataType::kFloat).output();
  EXPECT_EQ(anything.rank(), -1);
  EXPECT_ERROR(anything.shape(), ErrorKind::kBadInput, "TensorFlow: the rank of Placeholder_");
  EXPECT_ERROR(run(anything), ErrorKind::kBadInput,
               "TensorFlow, running the graph: You must feed a value for placeholder");
  EXPECT_ERROR(Function::from_proto(library(), "\xff\xff"), ErrorKind::kBadInput,
               "TensorFlow, reading a FunctionDef: ");
  TemporaryFolder folder;
  std::string meta_graph;
  Graph empty(library());
  EXPECT_ERROR(Session::load(folder.path(), &empty, {}, &meta_graph), ErrorKind::kBadInput,
               "TensorFlow, loading " + folder.path().string() + ": ");
}

TEST_F(Ops, ErrorsOfARunCarryTensorFlowsMessage) {
  const Tensor left = unknown({-1}, host({2}, {1, 2}));
  const Tensor right = unknown({-1}, host({3}, {1, 2, 3}));
  EXPECT_ERROR(run(left + right), ErrorKind::kBadInput,
               "TensorFlow, running the graph: Incompatible shapes: [2] vs. [3]");
  EXPECT_ERROR(run(reshape(left, {3})), ErrorKind::kBadInput, "2 values, but the requested shape has 3");
  EXPECT_ERROR(run(gather(right, ints({1}, {-1}))), ErrorKind::kBadInput, "indices[0] = -1 is not in [0, 3)");
}

TEST_F(Ops, NodesAreNamedInTheirScope) {
  const NameScope outer(&graph_, "bert/encoder");
  EXPECT_THAT(tanh(vector({1})).name(), testing::MatchesRegex("bert/encoder/Tanh_[0-9]+:0"));
  {
    const NameScope inner(&graph_, "pooler");
    EXPECT_THAT(tanh(vector({1})).name(), testing::StartsWith("pooler/Tanh_"));
  }
  EXPECT_THAT(tanh(vector({1})).name(), testing::StartsWith("bert/encoder/Tanh_"));
}

TEST_F(Ops, HostTensorsMustFitTheirShape) {
  EXPECT_ERROR(host({2, 2}, {1, 2, 3}), ErrorKind::kUsage, "a tensor of shape [2, 2] cannot have 3 elements");
  EXPECT_ERROR(HostTensor(library(), DataType::kString, {1}), ErrorKind::kUnsupported,
               "a tensor of string has no plain elements");
  EXPECT_EQ(host({0, 3}, {}).shape(), (Shape{0, 3}));
}

TEST_F(Ops, IntegersOfAnyWidthAreFedAsTheTypeWanted) {
  const auto fed = [](DType dtype, const std::string& bytes) {
    const auto count = static_cast<std::int64_t>(bytes.size() / size_of(dtype));
    const HostTensor tensor = verify::to_host(library(), "x", view_of(dtype, {count}, bytes), DataType::kInt32);
    EXPECT_EQ(tensor.dtype(), DataType::kInt32);
    const auto values = tensor.values<std::int32_t>();
    return std::vector<std::int32_t>(values.begin(), values.end());
  };
  EXPECT_THAT(fed(DType::kI64, bytes_of(std::vector<std::int64_t>{7, -100})), ElementsAre(7, -100));
  EXPECT_THAT(fed(DType::kI32, bytes_of(std::vector<std::int32_t>{7, -100})), ElementsAre(7, -100));
  EXPECT_THAT(fed(DType::kI16, bytes_of(std::vector<std::int16_t>{7, -100})), ElementsAre(7, -100));
  EXPECT_THAT(fed(DType::kI8, bytes_of(std::vector<std::int8_t>{7, -100})), ElementsAre(7, -100));
  EXPECT_THAT(fed(DType::kU8, "\xff"), ElementsAre(255));
  EXPECT_THAT(fed(DType::kU16, "\xff\xff"), ElementsAre(65535));
  EXPECT_THAT(fed(DType::kBool, {"\1\0", 2}), ElementsAre(1, 0));
  const std::vector<std::uint16_t> halves = {0x3c00, 0xc000};
  const HostTensor widened =
      verify::to_host(library(), "x", view_of(DType::kF16, {2}, bytes_of(halves)), DataType::kFloat);
  EXPECT_THAT(widened.values<float>(), ElementsAre(1, -2));
  const std::string ids = bytes_of(std::vector<std::int64_t>{1, std::int64_t{1} << 40});
  const auto as = [&](DataType wanted) {
    return verify::to_host(library(), "ids", view_of(DType::kI64, {2}, ids), wanted);
  };
  EXPECT_THAT(as(DataType::kInt64).values<std::int64_t>(), ElementsAre(1, std::int64_t{1} << 40));
  EXPECT_THAT(as(DataType::kFloat).values<float>(), ElementsAre(1, 0x1p40F));
  EXPECT_ERROR(as(DataType::kInt32), ErrorKind::kUsage, "the input \"ids\" holds 1099511627776");
  EXPECT_ERROR(verify::to_host(library(), "ids", view_of(DType::kF16, {2}, bytes_of(halves)), DataType::kInt32),
               ErrorKind::kUsage, "the input \"ids\" holds floating numbers");
}

}  // namespace
}  // namespace crossload::tf

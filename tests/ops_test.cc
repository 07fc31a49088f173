// The operations: numbers from their definitions, worked out by hand, and PyTorch's (tests/fixtures/ops.safetensors).
#include <cmath>
#include <limits>

#include "checkpoint/safetensors.h"
#include "graph_fixture.h"
#include "paths.h"

namespace crossload::tf {
namespace {

using testing::HasSubstr;

constexpr auto kOpen = std::nullopt;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

class OpsTest : public GraphTest {
 protected:
  Tensor typed(const Shape& shape, const std::vector<float>& values, DataType dtype) {
    return cast(floats(shape, values), dtype);
  }
  Tensor bools(const std::vector<float>& values) { return cast(vector(values), DataType::kBool); }

  /// A tensor that PyTorch was given, and what it computed.
  static const tensor::TensorView& pytorch(const std::string& name) {
    static const checkpoint::SafetensorsFile file =
        checkpoint::SafetensorsFile::open(source_folder() / "tests/fixtures/ops.safetensors");
    return file.tensors().at(name);
  }
  Tensor given(const std::string& name) {
    const tensor::TensorView& view = pytorch(name);
    HostTensor tensor(library(), data_type_of(view.dtype), view.shape);
    std::memcpy(tensor.values<std::byte>().data(), view.bytes.data(), view.bytes.size());
    return graph_.constant(tensor);
  }
  void expect_pytorch(const Tensor& tensor, const std::string& name, double tolerance) {
    const tensor::TensorView& view = pytorch(name);
    const HostTensor wanted = run(given(name));
    std::vector<double> values;
    for (std::int64_t i = 0; i < element_count(view.shape); ++i) {
      values.push_back(as_double(wanted, static_cast<std::size_t>(i)));
    }
    SCOPED_TRACE(name);
    EXPECT_EQ(tensor.dtype(), data_type_of(view.dtype));
    expect(tensor, view.shape, values, tolerance);
  }
};

TEST_F(OpsTest, NumbersAreExactInIntegersAndBooleans) {
  const Tensor x = ints({2}, {3, -3});
  expect(x + 2, {2}, {5, -1});
  expect(x * 2.0, {2}, {6, -6});
  expect(x - std::int64_t{4}, {2}, {-1, -7});
  expect(std::size_t{7} - x, {2}, {4, 10});
  EXPECT_ERROR(x * 0.5, ErrorKind::kBadInput, "TensorFlow: int32 cannot hold 0.5; cast the tensor first");
  EXPECT_ERROR(x + std::int64_t{1} * 3000000000, ErrorKind::kBadInput, "int32 cannot hold 3000000000; cast");
  EXPECT_ERROR(x + std::numeric_limits<double>::infinity(), ErrorKind::kBadInput, "int32 cannot hold inf");
  EXPECT_ERROR(x + kNaN, ErrorKind::kBadInput, "int32 cannot hold nan");
  EXPECT_ERROR(clip(x, 0, 1.5), ErrorKind::kBadInput, "int32 cannot hold 1.5");
  EXPECT_ERROR(equal(x, 2.25), ErrorKind::kBadInput, "int32 cannot hold 2.25");
  const Tensor wide = cast(x, DataType::kInt64);
  const HostTensor large = run(wide * 0 + ((std::int64_t{1} << 62) + 1));
  EXPECT_EQ(large.values<std::int64_t>()[0], (std::int64_t{1} << 62) + 1);  // no double holds it
  EXPECT_ERROR(wide + 0x1p63, ErrorKind::kBadInput, "int64 cannot hold 9.22");
  EXPECT_ERROR(wide + std::numeric_limits<std::uint64_t>::max(), ErrorKind::kBadInput, "int64 cannot hold 1.84");
  const Tensor bytes = cast(x * x, DataType::kUInt8);
  expect(bytes + 246, {2}, {255, 255});
  EXPECT_ERROR(bytes + 256, ErrorKind::kBadInput, "uint8 cannot hold 256");
  EXPECT_ERROR(bytes + -1, ErrorKind::kBadInput, "uint8 cannot hold -1");
  expect(equal(bools({1, 0}), 1), {2}, {1, 0});
  EXPECT_EQ(equal(bools({1, 0}), 1).dtype(), DataType::kBool);
  EXPECT_ERROR(equal(bools({1, 0}), 2), ErrorKind::kBadInput, "bool cannot hold 2");
}

TEST_F(OpsTest, FloatingTypesRoundTheNumber) {
  const Tensor x = floats({}, {0});
  expect(x + 0.1, {}, {static_cast<double>(0.1F)});
  expect(x + 16777217, {}, {16777216});  // 2^24 + 1
  expect(cast(x, DataType::kDouble) + 0.1, {}, {0.1});
  const Tensor half = cast(x, DataType::kHalf);
  EXPECT_EQ((half + 0.1).dtype(), DataType::kHalf);
  expect(half + 0.1, {}, {0.0999755859375});
  expect(half + -3.0, {}, {-3});
  expect(half + 0x1p-24, {}, {0x1p-24});    // the smallest
  expect(half + 0x1.8p-24, {}, {0x1p-23});  // a tie, to even
  expect(half + 0x1p-26, {}, {0});
  expect(half - 65504, {}, {-65504});
  expect(half + lowest(DataType::kHalf), {}, {-65504});
  const Tensor brain = cast(x, DataType::kBFloat16);
  expect(brain + 0.1, {}, {0.10009765625});
  expect(brain + lowest(DataType::kBFloat16), {}, {-0x1.fep127});
  expect(x + lowest(DataType::kFloat), {}, {-0x1.fffffep127});
  EXPECT_ERROR(half + 65505, ErrorKind::kBadInput, "float16 cannot hold 65505; compute in a wider type");
  EXPECT_ERROR(brain + lowest(DataType::kFloat), ErrorKind::kBadInput, "bfloat16 cannot hold -3.4028");
  EXPECT_ERROR(x + 1e39, ErrorKind::kBadInput, "float32 cannot hold 1e+39");
  expect(is_inf(half + kInfinity), {}, {1});
  EXPECT_TRUE(std::isnan(as_double(run(half + kNaN), 0)));
  EXPECT_TRUE(std::isnan(as_double(run(brain + kNaN), 0)));
}

TEST_F(OpsTest, ADTypeHasOneNameAndOneSize) {
  EXPECT_EQ(name_of(DataType::kBFloat16), "bfloat16");
  EXPECT_EQ(name_of(DataType::kInt64), "int64");
  EXPECT_EQ(name_of(static_cast<DataType>(21)), "type 21");
  EXPECT_EQ(size_of(DataType::kHalf), 2U);
  EXPECT_ERROR(size_of(DataType::kString), ErrorKind::kUnsupported, "a tensor of string has no plain elements");
  EXPECT_ERROR(lowest(DataType::kInt32), ErrorKind::kUsage, "int32 is not floating and has no lowest value");
  EXPECT_TRUE(is_integer(DataType::kUInt8) && !is_integer(DataType::kBool) && !is_integer(DataType::kHalf));
  EXPECT_TRUE(is_floating(DataType::kBFloat16) && !is_floating(DataType::kInt32));
  for (const DType dtype : {DType::kBool, DType::kU8, DType::kI8, DType::kI16, DType::kU16, DType::kF16, DType::kBF16,
                            DType::kI32, DType::kU32, DType::kF32, DType::kF64, DType::kI64, DType::kU64}) {
    EXPECT_EQ(size_of(data_type_of(dtype)), size_of(dtype));
    EXPECT_EQ(is_floating(data_type_of(dtype)), is_floating(dtype));
  }
}

TEST_F(OpsTest, KnownSizesFold) {
  const Dim seven = 7;
  const Dim two = std::int64_t{2};
  EXPECT_EQ((seven + 1).size(), 8);
  EXPECT_EQ((1 - seven).size(), -6);
  EXPECT_EQ((2 * seven).size(), 14);
  EXPECT_EQ((-seven).size(), -7);
  EXPECT_EQ(floor_div(seven, two).size(), 3);
  EXPECT_EQ(floor_div(-seven, two).size(), -4);
  EXPECT_EQ(floor_div(-seven, -1).size(), 7);
  EXPECT_EQ(floor_div(-8, two).size(), -4);
  EXPECT_EQ(mod(seven, two).size(), 1);
  EXPECT_EQ(mod(-seven, 4).size(), 1);
  EXPECT_EQ(mod(seven, -4).size(), -1);
  EXPECT_EQ(minimum(seven, two).size(), 2);
  EXPECT_EQ(maximum(2, seven).size(), 7);
  EXPECT_TRUE(seven == 7 && seven != two && two < seven && seven >= 7 && !(seven <= 6));
  EXPECT_ERROR(floor_div(seven, 0), ErrorKind::kBadInput, "a size is divided by 0");
  EXPECT_ERROR(mod(seven, 0), ErrorKind::kBadInput, "a size is divided by 0");
  EXPECT_ERROR(seven * std::numeric_limits<std::int64_t>::max(), ErrorKind::kBadInput, "a size does not fit 63 bits");
  EXPECT_ERROR(seven + std::numeric_limits<std::int64_t>::max(), ErrorKind::kBadInput, "a size does not fit 63 bits");
  EXPECT_ERROR(-2 - Dim(std::numeric_limits<std::int64_t>::max()), ErrorKind::kBadInput, "does not fit 63 bits");
  EXPECT_ERROR(Dim(std::int64_t{1} << 31).as_tensor(graph_), ErrorKind::kBadInput,
               "a size of 2147483648 is over int32");
  EXPECT_ERROR(pack_dims(graph_, {std::int64_t{1} << 31}), ErrorKind::kBadInput, "is over int32");
}

TEST_F(OpsTest, UnknownSizesAreComputedWhenTheGraphRuns) {
  const Tensor x = unknown({-1, -1}, host({3, 7}, std::vector<float>(21, 1)));
  const Dims dims = dims_of(x);
  const auto gives = [&](const Dim& dim, double wanted) {
    EXPECT_FALSE(dim.known());
    EXPECT_EQ(dim.size(), -1);
    EXPECT_EQ(dim.as_tensor(graph_).dtype(), DataType::kInt32);
    expect(dim.as_tensor(graph_), {}, {wanted});
  };
  gives(dims[1] + 1, 8);
  gives(1 + dims[1], 8);
  gives(dims[1] - dims[0], 4);
  gives(10 - dims[1], 3);
  gives(2 * dims[0] * dims[1], 42);
  gives(-dims[1], -7);
  gives(floor_div(dims[1], 2), 3);
  gives(floor_div(-dims[1], 2), -4);
  gives(-floor_div(-dims[1], 2), 4);  // rounded up
  gives(mod(-dims[1], dims[0]), 2);
  gives(minimum(dims[1], 5), 5);
  gives(maximum(dims[0], dims[1]), 7);
  // What is known all the same.
  EXPECT_EQ((dims[1] - dims[1]).size(), 0);
  EXPECT_EQ((dims[1] * 0).size(), 0);
  EXPECT_EQ(mod(dims[1], 1).size(), 0);
  EXPECT_TRUE(dims[1] == dims[1]);
  for (const Dim& same : {dims[1] + 0, 0 + dims[1], dims[1] - 0, dims[1] * 1, 1 * dims[1], floor_div(dims[1], 1),
                          minimum(dims[1], dims[1])}) {
    EXPECT_EQ(same.as_tensor(graph_).name(), dims[1].as_tensor(graph_).name());
  }
  EXPECT_ERROR(static_cast<void>(dims[0] == dims[1]), ErrorKind::kBadInput, "known at run time alone; compare them");
  EXPECT_ERROR(static_cast<void>(dims[0] < 4), ErrorKind::kBadInput, "known at run time alone");
  EXPECT_ERROR(floor_div(dims[0], 0), ErrorKind::kBadInput, "a size is divided by 0");
  EXPECT_ERROR(Dim(shape(x)), ErrorKind::kBadInput, "this is a tensor of int32 of shape [2]");
  EXPECT_ERROR(Dim(floats({}, {1})), ErrorKind::kBadInput, "a scalar integer, and this is a tensor of float32");
  gives(cast(dims[1].as_tensor(graph_), DataType::kInt64), 7);
  // With tensors, whose type they take.
  expect(vector({1, 2}) * dims[1], {2}, {7, 14});
  expect(dims[1] - ints({1}, {1}), {1}, {6});
  expect(vector({1, 2}) * Dim(3), {2}, {3, 6});
  expect(less(range(graph_, dims[1]), dims[0]), {7}, {1, 1, 1, 0, 0, 0, 0});
  expect(shape(reshape(x, {dims[0] * dims[1]})), {1}, {21});
}

TEST_F(OpsTest, DivisionOfIntegersSaysWhichWayItRounds) {
  for (const DataType dtype : {DataType::kInt32, DataType::kInt64}) {
    const Tensor a = cast(given("division.a"), dtype);
    const Tensor b = cast(given("division.b"), dtype);
    const auto narrow = [](const Tensor& x) { return cast(x, DataType::kInt32); };
    expect_pytorch(narrow(floor_div(a, b)), "division.floor.y", 0);
    expect_pytorch(narrow(truncate_div(a, b)), "division.truncate.y", 0);
    expect_pytorch(narrow(mod(a, b)), "division.mod.y", 0);
    expect_pytorch(narrow(truncate_mod(a, b)), "division.truncate_mod.y", 0);
    EXPECT_ERROR(a / b, ErrorKind::kBadInput, "has no /; use floor_div or truncate_div, or cast it to a floating type");
    EXPECT_ERROR(a / 2, ErrorKind::kBadInput, "a tensor of " + name_of(dtype) + " has no /");
  }
  const Tensor a = cast(given("division.a"), DataType::kFloat);
  const Tensor b = cast(given("division.b"), DataType::kFloat);
  const auto whole = [](const Tensor& x) { return cast(x, DataType::kInt32); };
  expect_pytorch(whole(floor_div(a, b)), "division.floor.y", 0);
  expect_pytorch(whole(truncate_div(a, b)), "division.truncate.y", 0);
  expect_pytorch(whole(mod(a, b)), "division.mod.y", 0);
  expect_pytorch(whole(truncate_mod(a, b)), "division.truncate_mod.y", 0);
  expect(truncate_mod(vector({5.5, -5.5}), 2), {2}, {1.5, -1.5});
  expect(mod(vector({5.5, -5.5}), 2), {2}, {1.5, 0.5});
}

TEST_F(OpsTest, FunctionsAsPyTorchHasThem) {
  struct Case {
    const char* name;
    Tensor (*op)(const Tensor&);
    const char* input;
  };
  for (const Case& c : std::vector<Case>{{"sin", sin, "angles"},
                                         {"cos", cos, "angles"},
                                         {"tan", tan, "angles"},
                                         {"sinh", sinh, "angles"},
                                         {"cosh", cosh, "angles"},
                                         {"atan", atan, "angles"},
                                         {"floor", floor, "angles"},
                                         {"round", round, "angles"},
                                         {"sign", sign, "angles"},
                                         {"asin", asin, "unit"},
                                         {"acos", acos, "unit"},
                                         {"log1p", log1p, "small"},
                                         {"expm1", expm1, "small"}}) {
    // Relative to the value, so that log1p(1e-7) is not 0: the quotient is 1 where there is one.
    const Tensor wanted = given(std::string(c.name) + ".y");
    const Tensor got = c.op(given(std::string(c.input) + ".x"));
    const Tensor error = abs(got - wanted) / maximum(abs(wanted), 1e-30);
    SCOPED_TRACE(c.name);
    expect(reduce_max(error, {0}, false), {}, {0}, 1e-6);
  }
  expect(round(vector({-1.5, -0.5, 0.5, 1.5, 2.5})), {5}, {-2, 0, 0, 2, 2});
  expect(softsign(vector({-3, 0, 1})), {3}, {-0.75, 0, 0.5});
  expect(reciprocal(vector({4, -0.5})), {2}, {0.25, -2});
  expect(sign(ints({3}, {-4, 0, 9})), {3}, {-1, 0, 1});
  expect(atan2(vector({1, -1, 0}), vector({1, -1, -1})), {3}, {M_PI / 4, -3 * M_PI / 4, M_PI}, 1e-6);
  expect(abs(ints({}, {-4})), {}, {4});
  expect(exp(floats({0, 3}, {})), {0, 3}, {});
}

TEST_F(OpsTest, ComparisonsAndLogic) {
  const Tensor a = vector({1, 2, 3});
  const Tensor b = vector({3, 2, 1});
  expect(not_equal(a, b), {3}, {1, 0, 1});
  expect(greater(a, b), {3}, {0, 0, 1});
  expect(greater(a, 1), {3}, {0, 1, 1});
  expect(greater_equal(a, 2), {3}, {0, 1, 1});
  expect(less(ints({2}, {1, 2}), 2), {2}, {1, 0});
  expect(less_equal(a, 2), {3}, {1, 1, 0});
  expect(not_equal(a, 2), {3}, {1, 0, 1});
  const Tensor p = bools({0, 0, 1, 1});
  const Tensor q = bools({0, 1, 0, 1});
  expect(logical_or(p, q), {4}, {0, 1, 1, 1});
  expect(logical_and(p, q), {4}, {0, 0, 0, 1});
  expect(logical_xor(p, q), {4}, {0, 1, 1, 0});
  expect(logical_not(p), {4}, {1, 1, 0, 0});
  const Tensor odd = vector({1, kInfinity, -kInfinity, static_cast<float>(kNaN)});
  expect(is_nan(odd), {4}, {0, 0, 0, 1});
  expect(is_inf(odd), {4}, {0, 1, 1, 0});
  expect(is_finite(odd), {4}, {1, 0, 0, 0});
  expect(where(greater(a, 1), a, 0), {3}, {0, 2, 3});
  expect(where(greater(a, 1), -1, a), {3}, {1, -1, -1});
  expect(where(greater(floats({2, 1}, {0, 2}), 1), vector({5, 6, 7}), 0.5), {2, 3}, {0.5, 0.5, 0.5, 5, 6, 7});
  EXPECT_ERROR(where(greater(a, 1), ints({3}, {1, 2, 3}), 0.5), ErrorKind::kBadInput, "int32 cannot hold 0.5");
}

TEST_F(OpsTest, Reductions) {
  const Tensor x = floats({2, 3}, {1, -2, 3, 4, 5, -9});
  expect(reduce_max(x, {0}, false), {3}, {4, 5, 3});
  expect(reduce_max(x, {-1}, true), {2, 1}, {3, 5});
  expect(reduce_min(x, {-2, -1}, false), {}, {-9});
  expect(reduce_prod(x, {1}, false), {2}, {-6, -180});
  expect(reduce_sum(ints({2, 2}, {1, 2, 3, 4}), {0}, false), {2}, {4, 6});
  expect(reduce_max(ints({2}, {-5, -4}), {0}, false), {}, {-4});
  expect(reduce_any(greater(x, 3), {1}, false), {2}, {0, 1});
  expect(reduce_all(greater(x, -3), {1}, true), {2, 1}, {1, 0});
  expect(reduce_sum(x, {}, false), {2, 3}, {1, -2, 3, 4, 5, -9});
  const Tensor none = floats({2, 0}, {});
  expect(reduce_sum(none, {1}, false), {2}, {0, 0});
  expect(reduce_prod(none, {1}, false), {2}, {1, 1});
  expect(equal(reduce_max(none, {1}, false), -kInfinity), {2}, {1, 1});
  expect(reduce_min(cast(none, DataType::kInt32), {1}, false), {2}, {2147483647, 2147483647});
  expect(reduce_any(cast(none, DataType::kBool), {1}, false), {2}, {0, 0});
  expect(reduce_all(cast(none, DataType::kBool), {1}, false), {2}, {1, 1});
  EXPECT_ERROR(reduce_max(x, {2}, false), ErrorKind::kBadInput, "Invalid reduction dimension 2");
}

TEST_F(OpsTest, PositionsAndOrders) {
  const Tensor x = floats({2, 4}, {3, 9, 9, 1, -1, -7, 0, -7});
  expect(argmax(x, -1), {2}, {1, 2});
  expect(argmin(x, 1), {2}, {3, 1});
  expect(argmin(x, 0), {4}, {1, 1, 1, 1});
  EXPECT_EQ(argmin(x, 0).dtype(), DataType::kInt32);
  const TopK top = top_k(x, 3);
  expect(top.values, {2, 3}, {9, 9, 3, 0, -1, -7});
  expect(top.indices, {2, 3}, {1, 2, 0, 2, 0, 1});
  expect(top_k(ints({3}, {4, 6, 5}), 2).values, {2}, {6, 5});
  const Tensor sizes = unknown({-1}, host({2}, {0, 0}));
  expect(top_k(x, dims_of(sizes)[0]).values, {2, 2}, {9, 9, 0, -1});
  EXPECT_ERROR(top_k(x, 5), ErrorKind::kBadInput, "input must have last dimension >= k = 5");
  expect(cumsum(x, -1), {2, 4}, {3, 12, 21, 22, -1, -8, -8, -15});
  expect(cumsum(x, 0), {2, 4}, {3, 9, 9, 1, 2, 2, 9, -6});
  expect(cumsum(x, 1, {.exclusive = true}), {2, 4}, {0, 3, 12, 21, 0, -1, -8, -8});
  expect(cumsum(x, 1, {.reverse = true}), {2, 4}, {22, 19, 10, 1, -15, -14, -7, -7});
  expect(cumsum(ints({3}, {1, 2, 3}), 0, {.exclusive = true, .reverse = true}), {3}, {5, 3, 0});
  for (const int axis : {0, -1}) {
    expect_pytorch(softmax(given("table.x"), axis), "softmax_" + std::to_string(axis) + ".y", 1e-6);
    expect_pytorch(log_softmax(given("table.x"), axis), "log_softmax_" + std::to_string(axis) + ".y", 1e-6);
  }
  expect_pytorch(softmax(given("table.x"), 1), "softmax_-1.y", 1e-6);
  EXPECT_ERROR(softmax(x, 2), ErrorKind::kBadInput, "of shape [2, 4] has no dimension 2");
}

TEST_F(OpsTest, SlicesAsInPython) {
  const Tensor x = vector({0, 1, 2, 3, 4, 5});
  expect(slice(x, 0, 1, -1), {4}, {1, 2, 3, 4});
  expect(slice(x, 0, -2, kOpen), {2}, {4, 5});
  expect(slice(x, 0, kOpen, 2), {2}, {0, 1});
  expect(slice(x, 0, kOpen, kOpen, 2), {3}, {0, 2, 4});
  expect(slice(x, 0, 1, kOpen, 2), {3}, {1, 3, 5});
  expect(slice(x, 0, kOpen, kOpen, -1), {6}, {5, 4, 3, 2, 1, 0});
  expect(slice(x, 0, 4, 1, -2), {2}, {4, 2});
  expect(slice(x, 0, 4, kOpen, -2), {3}, {4, 2, 0});
  expect(slice(x, 0, -99, 99), {6}, {0, 1, 2, 3, 4, 5});
  expect(slice(x, 0, 4, 2), {0}, {});
  const Tensor matrix = floats({2, 3}, {1, 2, 3, 4, 5, 6});
  expect(slice(matrix, -1, kOpen, kOpen, -1), {2, 3}, {3, 2, 1, 6, 5, 4});
  expect(slice(matrix, -2, -1, kOpen), {1, 3}, {4, 5, 6});
  const Dims dims = dims_of(unknown({-1}, host({4}, {0, 0, 0, 0})));
  expect(slice(x, 0, dims[0] - 2, dims[0]), {2}, {2, 3});
  expect(slice(x, 0, -dims[0], kOpen), {4}, {2, 3, 4, 5});
  EXPECT_ERROR(slice(x, 1, 0, 1), ErrorKind::kBadInput, "of shape [6] has no dimension 1");
  EXPECT_ERROR(slice(x, 0, 0, 1, 0), ErrorKind::kBadInput, "strides[0] must be non-zero");
}

TEST_F(OpsTest, PartsByTheirPlaces) {
  const Tensor x = floats({2, 3, 2}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  const Dims dims = dims_of(unknown({-1}, host({2}, {0, 0})));
  expect(select(x, 1, dims[0]), {2, 2}, {5, 6, 11, 12});
  expect(select(x, 1, dims[0] - 3), {2, 2}, {5, 6, 11, 12});  // -1
  expect(select(ints({2}, {7, 8}), -1, -2), {}, {7});
  EXPECT_ERROR(select(x, 3, 0), ErrorKind::kBadInput, "has no dimension 3");
  EXPECT_ERROR(run(select(x, 1, dims[0] + 1)), ErrorKind::kBadInput, "slice index 3 of dimension 1 out of bounds");
  expect(gather(x, ints({2}, {2, 0}), 1), {2, 2, 2}, {5, 6, 1, 2, 11, 12, 7, 8});
  expect(gather(x, ints({}, {1}), -1), {2, 3}, {2, 4, 6, 8, 10, 12});
  expect(gather(x, ints({2, 1}, {2, 0}), 1, /*batch_dims=*/1), {2, 1, 2}, {5, 6, 7, 8});
  expect(gather(floats({2, 3}, {1, 2, 3, 4, 5, 6}), ints({2, 2}, {0, 2, 1, 1}), 1, 1), {2, 2}, {1, 3, 5, 5});
  expect(gather(x, ints({0}, {}), 0), {0, 3, 2}, {});
  expect(gather_nd(x, ints({2, 2}, {1, 0, 0, 2})), {2, 2}, {7, 8, 5, 6});
  expect(gather_nd(x, ints({1, 3}, {1, 2, 1})), {1}, {12});
  expect(tensor_scatter_update(vector({1, 2, 3, 4}), ints({2, 1}, {3, 0}), vector({9, 8})), {4}, {8, 2, 3, 9});
  expect(scatter_nd(ints({3, 1}, {1, 3, 1}), vector({1, 2, 4}), {dims[0] + 2}), {4}, {0, 5, 0, 2});
  expect(tensor_scatter_add(vector({1, 2, 3}), ints({3, 1}, {2, 0, 2}), vector({10, 20, 30})), {3}, {21, 2, 43});
  const std::vector<Tensor> unequal = split(x, Dims{1, 2}, 1);
  ASSERT_EQ(unequal.size(), 2U);
  expect(unequal[0], {2, 1, 2}, {1, 2, 7, 8});
  expect(unequal[1], {2, 2, 2}, {3, 4, 5, 6, 9, 10, 11, 12});
  expect(split(vector({1, 2, 3, 4, 5}), Dims{dims[0], -1, 1}, -1)[1], {2}, {3, 4});
  EXPECT_ERROR(split(x, Dims{1, 1}, 1), ErrorKind::kBadInput, "SplitV");
  EXPECT_ERROR(split(x, 2, 1), ErrorKind::kBadInput, "Split");
  const std::vector<Tensor> single = unstack(x, 1);
  ASSERT_EQ(single.size(), 3U);
  expect(single[2], {2, 2}, {5, 6, 11, 12});
  EXPECT_ERROR(unstack(unknown({-1}, host({2}, {1, 2})), 0), ErrorKind::kBadInput, "must be known to take it apart");
  expect(stack({vector({1, 2}), vector({3, 4})}, 1), {2, 2}, {1, 3, 2, 4});
  expect(stack({vector({1, 2}), vector({3, 4})}, -1), {2, 2}, {1, 3, 2, 4});
}

TEST_F(OpsTest, CopiesAndEdges) {
  const Tensor x = floats({2, 3}, {1, 2, 3, 4, 5, 6});
  const Dims dims = dims_of(unknown({-1}, host({2}, {0, 0})));
  expect(tile(vector({1, 2}), {dims[0]}), {4}, {1, 2, 1, 2});
  expect(tile(x, {2, 1}), {4, 3}, {1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6});
  expect(tile(x, {1, 0}), {2, 0}, {});
  expect(reverse(x, {0, -1}), {2, 3}, {6, 5, 4, 3, 2, 1});
  expect(roll(x, 1, -1), {2, 3}, {3, 1, 2, 6, 4, 5});
  expect(roll(x, -1, 1), {2, 3}, {2, 3, 1, 5, 6, 4});
  expect(roll(x, 4, 1), {2, 3}, {3, 1, 2, 6, 4, 5});
  expect(roll(x, dims[0], 1), {2, 3}, {2, 3, 1, 5, 6, 4});
  EXPECT_EQ(roll(x, 3, 1).name(), x.name());
  expect(roll(unknown({-1}, host({3}, {1, 2, 3})), -4, 0), {3}, {2, 3, 1});
  expect(roll(unknown({-1}, host({0}, {})), 1, 0), {0}, {});
  expect(pad(x, {{1, 0}, {0, 2}}), {3, 5}, {0, 0, 0, 0, 0, 1, 2, 3, 0, 0, 4, 5, 6, 0, 0});
  expect(pad(vector({1}), {{dims[0], 1}}, -0.5), {4}, {-0.5, -0.5, 1, -0.5});
  expect(pad(ints({1}, {4}), {{1, 1}}, 7), {3}, {7, 4, 7});
  EXPECT_ERROR(pad(ints({1}, {4}), {{1, 1}}, 0.5), ErrorKind::kBadInput, "int32 cannot hold 0.5");
  expect(mirror_pad(vector({1, 2, 3}), {{2, 1}}, Mirror::kReflect), {6}, {3, 2, 1, 2, 3, 2});
  expect(mirror_pad(vector({1, 2, 3}), {{2, 1}}, Mirror::kSymmetric), {6}, {2, 1, 1, 2, 3, 3});
  expect(concat({x, floats({2, 0}, {})}, 1), {2, 3}, {1, 2, 3, 4, 5, 6});
  expect(reshape(floats({}, {7}), {1, 1}), {1, 1}, {7});
}

TEST_F(OpsTest, RangesAndMasks) {
  expect(range(graph_, 2, 9, 3), {3}, {2, 5, 8});
  expect(range(graph_, 3, 0, -1), {3}, {3, 2, 1});
  expect(range(graph_, 3, 3), {0}, {});
  EXPECT_ERROR(range(graph_, 3, 1), ErrorKind::kBadInput, "Requires start <= limit when delta > 0: 3/1");
  const Dims dims = dims_of(unknown({-1}, host({3}, {0, 0, 0})));
  expect(range(graph_, -dims[0] + 1, dims[0]), {5}, {-2, -1, 0, 1, 2});
  expect(one_hot(ints({2, 2}, {1, 0, -1, 5}), 3), {2, 2, 3}, {0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0});
  EXPECT_EQ(one_hot(ints({1}, {0}), 2, DataType::kInt64).dtype(), DataType::kInt64);
  expect(one_hot(ints({}, {1}), dims[0], DataType::kBool), {3}, {0, 1, 0});
  expect(lower_triangle(graph_, 2, 3), {2, 3}, {1, 0, 0, 1, 1, 0});
  expect(lower_triangle(graph_, dims[0], dims[0]), {3, 3}, {1, 0, 0, 1, 1, 0, 1, 1, 1});
  expect(lower_triangle(graph_, 2, 3, 1), {2, 3}, {1, 1, 0, 1, 1, 1});
  expect(lower_triangle(graph_, 3, 2, -1), {3, 2}, {0, 0, 1, 0, 1, 1});
}

TEST_F(OpsTest, ProductsBroadcastTheDimensionsBefore) {
  const Tensor a = floats({2, 1, 1, 2}, {1, 2, 3, 4});
  const Tensor b = floats({3, 2, 1}, {1, 0, 0, 1, 1, 1});
  expect(matmul(a, b), {2, 3, 1, 1}, {1, 2, 3, 3, 4, 7});
  expect(matmul(a, floats({2, 1}, {1, 1})), {2, 1, 1, 1}, {3, 7});
  expect(matmul(ints({1, 2}, {1, 2}), ints({2, 1}, {3, 4})), {1, 1}, {11});
  expect(matmul(floats({2, 0}, {}), floats({0, 1}, {})), {2, 1}, {0, 0});
}

TEST_F(OpsTest, ConvolutionsAsPyTorchHasThem) {
  const Tensor x = given("image.x");
  const auto k = [&](const char* name) { return given(std::string(name) + ".kernel"); };
  expect_pytorch(conv2d(x, k("conv2d")), "conv2d.y", 1e-5);
  expect_pytorch(conv2d(x, k("conv2d_strided"), {.strides = {2, 1}, .padding = {{1, 1}, {2, 2}}}), "conv2d_strided.y",
                 1e-5);
  expect_pytorch(conv2d(x, k("conv2d_dilated"), {.dilations = {2, 1}, .padding = Padding(1)}), "conv2d_dilated.y",
                 1e-5);
  expect_pytorch(conv2d(x, k("conv2d_groups"), {.padding = Padding(1), .groups = 2}), "conv2d_groups.y", 1e-5);
  expect_pytorch(conv2d(x, k("conv2d_depthwise"), {.strides = {2, 2}, .padding = Padding(1), .groups = 4}),
                 "conv2d_depthwise.y", 1e-5);
  expect_pytorch(conv2d(x, k("conv2d_depthwise_dilated"), {.dilations = {3, 2}, .padding = Padding(2), .groups = 4}),
                 "conv2d_depthwise_dilated.y", 1e-5);
  expect_pytorch(conv2d_transpose(x, k("transpose")), "transpose.y", 1e-5);
  const Convolution strided = {.strides = {2, 3}, .padding = {{1, 1}, {0, 0}}};
  expect_pytorch(conv2d_transpose(x, k("transpose_strided"), strided, {1, 2}), "transpose_strided.y", 1e-5);
  expect_pytorch(conv2d_transpose(x, k("transpose_dilated"), {.dilations = {2, 3}, .padding = Padding(1)}),
                 "transpose_dilated.y", 1e-5);
  expect_pytorch(conv2d_transpose(x, k("transpose_groups"), {.strides = {2, 2}, .groups = 2}), "transpose_groups.y",
                 1e-5);
  // Of sizes that are known at run time.
  const Tensor any = unknown({-1, -1, -1, 4}, run(x));
  expect_pytorch(conv2d_transpose(any, k("transpose_strided"), strided, {1, 2}), "transpose_strided.y", 1e-5);
  EXPECT_EQ(conv2d(any, k("conv2d_strided"), {.strides = {2, 1}, .padding = Padding(1)}).shape(),
            (Shape{-1, -1, -1, 3}));
  // TensorFlow's own way: places at 0 and 2, the odd row of padding at the end.
  const Tensor ones = floats({3, 1, 1, 1}, {1, 1, 1});
  expect(conv2d(floats({1, 4, 1, 1}, {1, 2, 3, 4}), ones, {.strides = {2, 1}, .padding = Padding::same()}),
         {1, 2, 1, 1}, {6, 7});
  EXPECT_ERROR(conv2d_transpose(x, k("transpose"), {.padding = Padding::same()}), ErrorKind::kBadInput,
               "same() does not say how large the result is");
  EXPECT_ERROR(conv2d(x, floats({1, 1, 3, 1}, {1, 1, 1})), ErrorKind::kBadInput, "Conv2D");
}

TEST_F(OpsTest, PoolsAndSizesOfImagesAsPyTorchHasThem) {
  const Tensor x = given("image.x");
  const Pool pool = {.size = {3, 2}, .strides = {2, 1}, .padding = Padding(1)};
  expect_pytorch(max_pool(x - 3, pool), "max_pool.y", 0);
  expect_pytorch(avg_pool(x, pool), "avg_pool.y", 1e-6);
  expect_pytorch(avg_pool(x, pool, /*count_padding=*/false), "avg_pool_uncounted.y", 1e-6);
  const Tensor any = unknown({-1, -1, -1, 4}, run(x));
  expect_pytorch(avg_pool(any, pool, /*count_padding=*/false), "avg_pool_uncounted.y", 1e-6);
  const Pool same = {.size = {2, 1}, .strides = {2, 1}, .padding = Padding::same()};
  expect(avg_pool(floats({1, 3, 1, 1}, {1, 3, 8}), same), {1, 2, 1, 1}, {2, 8});
  expect_pytorch(resize_bilinear(x, 9, 4), "bilinear.y", 1e-6);
  expect_pytorch(resize_bilinear(x, 9, 4, Pixels::kCorners), "bilinear_corners.y", 1e-6);
  const Dims dims = dims_of(unknown({-1}, host({3}, {0, 0, 0})));
  expect_pytorch(resize_nearest(x, 3 * dims[0], dims[0]), "nearest.y", 0);
  expect_pytorch(resize_nearest(x, 9, 3, Pixels::kCentres), "nearest_exact.y", 0);
}

TEST_F(OpsTest, HalfPrecisionComputes) {
  for (const DataType dtype : {DataType::kHalf, DataType::kBFloat16}) {
    const Tensor x = typed({2, 2}, {1, 2, 3, 4}, dtype);
    EXPECT_EQ(matmul(x, x).dtype(), dtype);
    expect(matmul(x, x), {2, 2}, {7, 10, 15, 22});
    expect(softmax(x * 0), {2, 2}, {0.5, 0.5, 0.5, 0.5});
    expect(reduce_mean(x, {-1}, false), {2}, {1.5, 3.5});
    expect(where(greater(x, 2), x, lowest(dtype)), {2, 2}, {lowest(dtype), lowest(dtype), 3, 4});
    expect(max_pool(reshape(x, {1, 2, 2, 1}) - 5, {{2, 2}, {1, 1}, Padding(1)}), {1, 3, 3, 1},
           {-4, -3, -3, -2, -1, -1, -2, -1, -1});
  }
}

}  // namespace
}  // namespace crossload::tf

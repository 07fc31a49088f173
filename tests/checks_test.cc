// A program's checks in TensorFlow: a run for which one is not true fails, in functions too.
#include "graph_fixture.h"
#include "keras/model_graph.h"
#include "lowering/lowering.h"

namespace crossload::lowering {
namespace {

/// y = 2x, where some of x is not 0.
constexpr const char* kProgram = R"({
  "class": "Tiny", "model_type": "", "source": "tiny.py:3",
  "inputs": [{"name": "x", "node": "x", "dtype": "float32", "shape": ["s0"]}],
  "frozen": [], "parameters": [], "aside": [], "stages": [],
  "checks": [{"node": "any", "message": "Tiny, in gate at tiny.py:9: `if x.any():` is True"}],
  "nodes": [
    {"name": "any", "op": "aten.any.default", "args": {"self": {"n": "x"}}, "module": "gate",
     "result": {"dtype": "bool", "shape": []}},
    {"name": "mul", "op": "aten.mul.Scalar", "args": {"self": {"n": "x"}, "other": 2.0}, "module": "",
     "result": {"dtype": "float32", "shape": ["s0"]}}],
  "outputs": [{"name": "y", "node": "mul"}]})";

constexpr const char* kMessage = "Tiny, in gate at tiny.py:9: `if x.any():` is True";

class ChecksTest : public keras::ModelGraph, public testing::Test {
 protected:
  ChecksTest() : keras::ModelGraph(tf::library(), Handles::kArguments) {}

  tf::Tensor lowered(const tf::Tensor& x, const Wanted& wanted) {
    keras::ModelInputs inputs;
    inputs.tensors.emplace("x", x);
    return lower(program_, {}, inputs, wanted, this).front();
  }
  float first_of(tf::Graph* graph, const tf::Tensor& x, const tf::Tensor& y, const std::vector<float>& values) {
    const tf::HostTensor given = tf::HostTensor::of<float>(tf::library(), {2}, values);
    return tf::Session(graph, tf::SessionOptions{}).run({{x, given}}, {y}).front().values<float>()[0];
  }

  const program::Program program_ = program::parse_program(kProgram, "tiny", {});
  const tf::Tensor x_ = placeholder(tf::DataType::kFloat, {-1}, "x");
};

TEST_F(ChecksTest, ARunFailsWhereOneIsNotTrue) {
  const tf::Tensor y = lowered(x_, {program_.outputs});
  EXPECT_EQ(first_of(this, x_, y, {0, 3}), 0);
  EXPECT_EQ(first_of(this, x_, y, {3, 0}), 6);
  try {
    first_of(this, x_, y, {0, 0});
    ADD_FAILURE() << "nothing failed";
  } catch (const tf::OperationError& error) {
    EXPECT_THAT(error.reason(),
                testing::AllOf(testing::StartsWith("assertion failed: "), testing::HasSubstr(kMessage)));
    EXPECT_EQ(failure_of(error).place.path, "gate");
  }
}

TEST_F(ChecksTest, AFunctionOfItFailsToo) {
  const tf::Tensor y = lowered(x_, {program_.outputs});
  const tf::Function function = to_function("served", {x_}, {tf::identity(y)}, {"y"});
  EXPECT_THAT(function.to_proto(), testing::HasSubstr("gate/Assert"));
  tf::Graph caller(tf::library());
  caller.add_function(function);
  const tf::Tensor x = caller.placeholder(tf::DataType::kFloat, {-1}, "x");
  const tf::Tensor called = caller.operation("StatefulPartitionedCall")
                                .inputs({x})
                                .types("Tin", {tf::DataType::kFloat})
                                .types("Tout", {tf::DataType::kFloat})
                                .function("f", "served")
                                .output();
  EXPECT_EQ(first_of(&caller, x, called, {3, 0}), 6);
  EXPECT_THAT(error_of([&] { first_of(&caller, x, called, {0, 0}); }), testing::HasSubstr(kMessage));
}

TEST_F(ChecksTest, WhatIsComputedOfConstantsAloneIsNotChecked) {
  const tf::Tensor y = lowered(x_, {program_.outputs, /*stages=*/false, /*checks=*/false});
  EXPECT_EQ(first_of(this, x_, y, {0, 0}), 0);
}

}  // namespace
}  // namespace crossload::lowering

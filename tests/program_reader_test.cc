// Program files: what is read, and what the errors of malformed ones say.
#include <gmock/gmock.h>

#include <limits>

#include "program/program.h"
#include "test_support.h"

namespace crossload::program {
namespace {

using testing::ElementsAre;

/// x [2, s0] times the parameter w, plus a constant.
constexpr const char* kSound = R"({
  "class": "Tiny", "model_type": "", "source": "tiny.py:3",
  "inputs": [{"name": "x", "node": "x", "dtype": "float32", "shape": [2, "s0"]}],
  "frozen": [{"input": "x", "axis": 0, "size": 2}],
  "held": [{"input": "grids", "value": [[1, 2]]}],
  "checks": [{"node": "any", "message": "some of x is not 0"}],
  "parameters": [
    {"node": "p_w", "name": "w", "kind": "parameter", "dtype": "float32", "shape": [3], "key": "w", "value": null,
     "trainable": true},
    {"node": "c_one", "name": "one", "kind": "constant", "dtype": "float32", "shape": [1], "key": null,
     "value": "constant.one", "trainable": false}],
  "aside": [{"key": "old", "reason": "PyTorch's Tiny does not read it"}],
  "nodes": [
    {"name": "mul", "op": "aten.mul.Tensor", "args": {"self": {"n": "x"}, "other": {"n": "p_w"}}, "module": "a",
     "result": {"dtype": "float32", "shape": [2, "s0"]}},
    {"name": "any", "op": "aten.any.default", "args": {"self": {"n": "x"}}, "module": "a",
     "result": {"dtype": "bool", "shape": []}},
    {"name": "size", "op": "aten.sym_size.int", "args": {"self": {"n": "mul"}, "dim": 1}, "module": "",
     "result": {"symbol": "s0", "type": "int"}},
    {"name": "add", "op": "aten.add.Tensor", "module": "a",
     "args": {"self": {"n": "mul"}, "other": {"n": "c_one"}, "alpha": {"f": "-inf"}, "dtype": {"d": "int64"},
              "list": [1, 2.5, "s", true, null, [{"n": "size"}]]},
     "result": [{"dtype": "bool", "shape": []}, null]}],
  "outputs": [{"name": "y", "node": "add"}],
  "stages": [{"path": "a", "call": 0, "class": "A", "source": "tiny.py:9", "caller": "", "nodes": ["mul"]}]})";

std::map<std::string, tensor::TensorView> tensors() { return {{"constant.one", view_of({1}, {1})}}; }

Program parse(const std::string& json) { return parse_program(json, "x.program", tensors()); }

/// The sound one with one thing changed.
std::string with(const std::string& old, const std::string& changed) {
  std::string json = kSound;
  const std::size_t at = json.find(old);
  EXPECT_NE(at, std::string::npos) << old;
  return json.replace(at, old.size(), changed);
}

TEST(ProgramReader, ReadsWhatIsThere) {
  const Program program = parse(kSound);
  EXPECT_EQ(program.class_name, "Tiny");
  ASSERT_EQ(program.inputs.size(), 1U);
  EXPECT_THAT(program.inputs[0].type.shape, ElementsAre(Size(std::int64_t(2)), Size("s0")));
  ASSERT_EQ(program.parameters.size(), 2U);
  EXPECT_FALSE(program.parameters[0].is_constant);
  EXPECT_TRUE(program.parameters[1].is_constant);
  ASSERT_EQ(program.nodes.size(), 4U);
  EXPECT_EQ(std::get<SymbolType>(program.nodes[2].result), (SymbolType{SymbolType::Kind::kInt, "s0"}));
  const Node& add = program.nodes[3];
  EXPECT_EQ(*add.args.at("alpha").get<double>(), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(*add.args.at("dtype").get<tf::DataType>(), tf::DataType::kInt64);
  const auto& list = *add.args.at("list").get<Argument::List>();
  ASSERT_EQ(list.size(), 6U);
  EXPECT_EQ(*list[0].get<std::int64_t>(), 1);
  EXPECT_EQ(*list[1].get<double>(), 2.5);
  EXPECT_EQ(*list[2].get<std::string>(), "s");
  EXPECT_TRUE(*list[3].get<bool>());
  EXPECT_TRUE(list[4].is_none());
  EXPECT_EQ((*list[5].get<Argument::List>())[0].get<NodeName>()->name, "size");
  const auto& types = std::get<std::vector<std::optional<TensorType>>>(add.result);
  ASSERT_EQ(types.size(), 2U);
  EXPECT_EQ(types[0]->dtype, tf::DataType::kBool);
  EXPECT_FALSE(types[1].has_value());
  EXPECT_THAT(program.stages[0].nodes, ElementsAre("mul"));
  ASSERT_EQ(program.held.size(), 1U);
  EXPECT_EQ(program.held[0].name, "grids");
  EXPECT_EQ(program.held[0].value, "[[1,2]]");
  ASSERT_EQ(program.checks.size(), 1U);
  EXPECT_EQ(program.checks[0].node, "any");
  EXPECT_EQ(program.checks[0].message, "some of x is not 0");
}

struct Malformed {
  const char* old;
  const char* changed;
  const char* error;  // after "x.program: "
};

TEST(ProgramReader, SaysWhereAndWhat) {
  const Malformed cases[] = {
      {R"("self": {"n": "mul"}, "other")", R"("self": {"n": "gone"}, "other")",
       "add reads gone, which no node before it gives"},
      {R"({"n": "x"})", R"({"n": "add"})", "mul reads add, which no node before it gives"},
      {R"([{"n": "size"}])", R"([{"n": "later"}])", "add reads later, which no node before it gives"},
      {R"("name": "size")", R"("name": "mul")", "two nodes are called mul"},
      {R"("node": "p_w")", R"("node": "x")", "two nodes are called x"},
      {R"("node": "add"})", R"("node": "sub"})", "an output reads sub, which no node before it gives"},
      {R"([{"name": "y", "node": "add"}])", "[]", "has no outputs"},
      {R"("nodes": ["mul"])", R"("nodes": ["div"])", "the stage a reads div, which no node before it gives"},
      {R"("call": 0)", R"("call": -1)", "a stage is call -1"},
      {R"("call": 0)", R"("call": 4294967296)", "a stage is call 4294967296"},
      {R"("shape": [2, "s0"])", R"("shape": [-2, "s0"])", "a size is -2"},
      {R"("shape": [3])", R"("shape": ["s0"])", "w has a size that is no number: s0"},
      {R"("name": "w")", R"("name": "")", "a parameter has no name"},
      {R"("key": "w")", R"("key": null)", "w has neither a key nor a value"},
      {R"("value": "constant.one")", R"("value": "constant.two")", "lacks the tensor constant.two"},
      {R"("shape": [1])", R"("shape": [2])", "the tensor constant.one is [1], which one is not"},
      {R"("dtype": "float32", "shape": [1])", R"("dtype": "int64", "shape": [1])",
       "the tensor constant.one is F32, and one is int64"},
      {R"({"f": "-inf"})", R"({"f": "huge"})", "a number is huge"},
      {R"("type": "int")", R"("type": "tensor")", "a symbol is of type tensor"},
      {R"([{"n": "size"}])", "[[[[[[[[[[1]]]]]]]]]]", "add has lists nested too deeply"},
      {R"("axis": 0)", R"("axis": 2)", "x has no axis 2"},
      {R"("input": "x")", R"("input": "z")", "a fixed axis is of z, which is no input"},
      {R"("axis": 0)", R"("axis": null)", R"("frozen"[0]: "axis": is null where an integer is expected)"},
      {R"({"node": "any",)", R"({"node": "all",)", "a check reads all, which no node before it gives"},
      {R"({"node": "any",)", R"({"node": "mul",)", "a check reads mul, which is no single bool that a node gives"},
      {R"({"node": "any",)", R"({"node": "x",)", "a check reads x, which is no single bool that a node gives"},
      {R"({"node": "any",)", R"({"node": "add",)", "a check reads add, which is no single bool that a node gives"},
      {R"("dtype": "bool", "shape": []})", R"("dtype": "bool", "shape": [1]})",
       "a check reads any, which is no single bool that a node gives"},
      {R"("some of x is not 0")", R"("")", "the check of any has no message"},
      {R"(, "message": "some of x is not 0")", "", R"("checks"[0]: has no "message")"},
      {R"([{"node": "any", "message": "some of x is not 0"}])", "3",
       R"("checks": is an integer where an array is expected)"},
      {R"("class": "Tiny", )", "", R"(has no "class")"},
      {R"("op": "aten.mul.Tensor", )", "", R"("nodes"[0]: has no "op")"},
      {R"("module": "")", R"("module": 3)", R"("nodes"[2]: "module": is an integer where a string is expected)"},
      {R"({"n": "x"})", R"({"m": "x"})", R"("nodes"[0]: "args": "self": has no "f")"},
  };
  for (const Malformed& one : cases) {
    SCOPED_TRACE(one.changed);
    EXPECT_ERROR(parse(with(one.old, one.changed)), ErrorKind::kBadInput, std::string("x.program: ") + one.error);
  }
}

TEST(ProgramReader, RefusesTypesThatTensorFlowLacks) {
  EXPECT_ERROR(parse(with(R"("dtype": "bool")", R"("dtype": "complex32")")), ErrorKind::kUnsupported,
               "x.program: the element type complex32 is not supported");
}

TEST(ProgramReader, RefusesFilesThatAreNoProgram) {
  const TemporaryFolder folder;
  const auto written = [&](const std::string& metadata) {
    write_file(folder.path() / "p.safetensors", safetensors_bytes(R"({"__metadata__": {)" + metadata + "}}", ""));
    return folder.path() / "p.safetensors";
  };
  EXPECT_ERROR(read_program(written(R"("format": "pt")")), ErrorKind::kBadInput,
               "p.safetensors: is no traced program of this version; trace the model again");
  EXPECT_ERROR(read_program(written(R"("crossload_program": "0", "program": "{}")")), ErrorKind::kBadInput,
               "is no traced program of this version");
  EXPECT_ERROR(read_program(written(R"("crossload_program": "1", "program": "{")")), ErrorKind::kBadInput,
               "p.safetensors: not valid JSON");
  EXPECT_ERROR(read_program(written(R"("crossload_program": "1", "program": "{}")")), ErrorKind::kBadInput,
               R"(p.safetensors: has no "class")");
}

}  // namespace
}  // namespace crossload::program

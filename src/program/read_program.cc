#include <algorithm>
#include <limits>
#include <set>

#include "bytes/json.h"
#include "checkpoint/safetensors.h"
#include "crossload/error.h"
#include "program/program.h"

namespace crossload::program {
namespace {

using bytes::Json;

/// Lists in lists of a schema: two levels are known.
constexpr int kMaxDepth = 8;

tf::DataType dtype_called(const std::string& name, const std::string& where) {
  static const std::map<std::string, tf::DataType> known = {
      {"bool", tf::DataType::kBool},      {"uint8", tf::DataType::kUInt8},         {"int8", tf::DataType::kInt8},
      {"int16", tf::DataType::kInt16},    {"int32", tf::DataType::kInt32},         {"int64", tf::DataType::kInt64},
      {"float16", tf::DataType::kHalf},   {"bfloat16", tf::DataType::kBFloat16},   {"float32", tf::DataType::kFloat},
      {"float64", tf::DataType::kDouble}, {"complex64", tf::DataType::kComplex64},
  };
  const auto found = known.find(name);
  if (found == known.end()) {
    throw Error(ErrorKind::kUnsupported, where + ": the element type " + name + " is not supported");
  }
  return found->second;
}

class Reader {
 public:
  Reader(std::string where, Program* program) : where_(std::move(where)), program_(program) {}

  void read(const Json& json) {
    program_->class_name = json.at("class").as_string();
    program_->model_type = json.at("model_type").as_string();
    program_->source = json.at("source").as_string();
    for (const Json& input : json.at("inputs").elements()) read_input(input);
    for (const Json& axis : json.at("frozen").elements()) read_frozen(axis);
    for (const Json& held : json.contains("held") ? json.at("held").elements() : std::vector<Json>()) {
      program_->held.push_back({held.at("input").as_string(), held.at("value").dump()});
    }
    for (const Json& parameter : json.at("parameters").elements()) read_parameter(parameter);
    for (const Json& entry : json.at("aside").elements()) {
      program_->aside.emplace_back(entry.at("key").as_string(), entry.at("reason").as_string());
    }
    for (const Json& node : json.at("nodes").elements()) read_node(node);
    for (const Json& check : json.contains("checks") ? json.at("checks").elements() : std::vector<Json>()) {
      read_check(check);
    }
    for (const Json& output : json.at("outputs").elements()) {
      program_->outputs.push_back({output.at("name").as_string(), given(output.at("node").as_string(), "an output")});
    }
    for (const Json& stage : json.at("stages").elements()) read_stage(stage);
    if (program_->outputs.empty()) fail("has no outputs");
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw Error(ErrorKind::kBadInput, where_ + ": " + what); }

  void give(const std::string& name) {
    if (!given_.insert(name).second) fail("two nodes are called " + name);
  }

  std::string given(const std::string& name, const std::string& reader) const {
    if (!given_.contains(name)) fail(reader + " reads " + name + ", which no node before it gives");
    return name;
  }

  Size size(const Json& json) const {
    if (json.is_string()) return json.as_string();
    const std::int64_t known = json.as_integer();
    if (known < 0) fail("a size is " + std::to_string(known));
    return known;
  }

  TensorType tensor_type(const Json& json) const {
    TensorType type{dtype_called(json.at("dtype").as_string(), where_), {}};
    for (const Json& one : json.at("shape").elements()) type.shape.push_back(size(one));
    return type;
  }

  Result result(const Json& json) const {
    if (json.is_null()) return {};
    if (json.is_array()) {
      std::vector<std::optional<TensorType>> types;
      for (const Json& member : json.elements()) {
        types.push_back(member.is_null() ? std::nullopt : std::optional(tensor_type(member)));
      }
      return types;
    }
    if (!json.contains("symbol")) return tensor_type(json);
    const std::string kind = json.at("type").as_string();
    if (kind != "int" && kind != "float" && kind != "bool") fail("a symbol is of type " + kind);
    return SymbolType{kind == "int"     ? SymbolType::Kind::kInt
                      : kind == "float" ? SymbolType::Kind::kFloat
                                        : SymbolType::Kind::kBool,
                      json.at("symbol").as_string()};
  }

  double special_number(const std::string& name) const {
    if (name == "inf") return std::numeric_limits<double>::infinity();
    if (name == "-inf") return -std::numeric_limits<double>::infinity();
    if (name == "nan") return std::numeric_limits<double>::quiet_NaN();
    fail("a number is " + name);
  }

  Argument argument(const Json& json, const std::string& reader, int depth) const {
    if (depth > kMaxDepth) fail(reader + " has lists nested too deeply");
    if (json.is_null()) return {};
    if (json.is_bool()) return {json.as_bool()};
    if (json.is_integer()) return {json.as_integer()};
    if (json.is_number()) return {json.as_number()};
    if (json.is_string()) return {json.as_string()};
    if (json.is_array()) {
      Argument::List list;
      for (const Json& member : json.elements()) list.push_back(argument(member, reader, depth + 1));
      return {std::move(list)};
    }
    if (json.contains("n")) return {NodeName{given(json.at("n").as_string(), reader)}};
    if (json.contains("d")) return {dtype_called(json.at("d").as_string(), where_)};
    return {special_number(json.at("f").as_string())};
  }

  void read_input(const Json& json) {
    Input input{json.at("name").as_string(), json.at("node").as_string(), tensor_type(json)};
    give(input.node);
    program_->inputs.push_back(std::move(input));
  }

  void read_frozen(const Json& json) {
    FrozenAxis frozen{json.at("input").as_string(), json.at("axis").as_integer(), json.at("size").as_integer()};
    const auto input = std::ranges::find(program_->inputs, frozen.input, &Input::name);
    if (input == program_->inputs.end()) fail("a fixed axis is of " + frozen.input + ", which is no input");
    if (frozen.axis < 0 || frozen.axis >= static_cast<std::int64_t>(input->type.shape.size())) {
      fail(frozen.input + " has no axis " + std::to_string(frozen.axis));
    }
    program_->frozen.push_back(std::move(frozen));
  }

  std::string text_or_none(const Json& json) const { return json.is_null() ? "" : json.as_string(); }

  void read_parameter(const Json& json) {
    Parameter parameter{json.at("node").as_string(),
                        json.at("name").as_string(),
                        tensor_type(json),
                        text_or_none(json.at("key")),
                        text_or_none(json.at("value")),
                        json.at("trainable").as_bool(),
                        false};
    parameter.is_constant = parameter.value.starts_with("constant.");
    give(parameter.node);
    if (parameter.name.empty()) fail("a parameter has no name");
    for (const Size& size : parameter.type.shape) {
      if (const auto* symbol = std::get_if<std::string>(&size)) {
        fail(parameter.name + " has a size that is no number: " + *symbol);
      }
    }
    if (parameter.key.empty() && parameter.value.empty()) fail(parameter.name + " has neither a key nor a value");
    if (!parameter.value.empty()) check_value(parameter);
    program_->parameters.push_back(std::move(parameter));
  }

  void check_value(const Parameter& parameter) const {
    const auto found = program_->tensors.find(parameter.value);
    if (found == program_->tensors.end()) fail("lacks the tensor " + parameter.value);
    std::vector<Size> shape(found->second.shape.begin(), found->second.shape.end());
    if (shape != parameter.type.shape) {
      fail("the tensor " + parameter.value + " is " + to_string(found->second.shape) + ", which " + parameter.name +
           " is not");
    }
    if (tf::data_type_of(found->second.dtype) != parameter.type.dtype) {
      fail("the tensor " + parameter.value + " is " + std::string(name_of(found->second.dtype)) + ", and " +
           parameter.name + " is " + name_of(parameter.type.dtype));
    }
  }

  void read_node(const Json& json) {
    Node node;
    node.name = json.at("name").as_string();
    node.op = json.at("op").as_string();
    node.module = json.at("module").as_string();
    node.result = result(json.at("result"));
    for (const auto& [name, value] : json.at("args").members()) node.args.emplace(name, argument(value, node.name, 0));
    give(node.name);
    program_->nodes.push_back(std::move(node));
  }

  void read_check(const Json& json) {
    Check check{given(json.at("node").as_string(), "a check"), json.at("message").as_string()};
    const auto node = std::ranges::find(program_->nodes, check.node, &Node::name);
    const auto* type = node == program_->nodes.end() ? nullptr : std::get_if<TensorType>(&node->result);
    if (type == nullptr || *type != TensorType{tf::DataType::kBool, {}}) {
      fail("a check reads " + check.node + ", which is no single bool that a node gives");
    }
    if (check.message.empty()) fail("the check of " + check.node + " has no message");
    program_->checks.push_back(std::move(check));
  }

  void read_stage(const Json& json) {
    Stage stage;
    stage.path = json.at("path").as_string();
    const std::int64_t call = json.at("call").as_integer();
    if (call < 0 || call > std::numeric_limits<int>::max()) fail("a stage is call " + std::to_string(call));
    stage.call = static_cast<int>(call);
    stage.class_name = json.at("class").as_string();
    stage.source = json.at("source").as_string();
    stage.caller = json.at("caller").as_string();
    for (const Json& node : json.at("nodes").elements()) {
      stage.nodes.push_back(given(node.as_string(), "the stage " + stage.path));
    }
    program_->stages.push_back(std::move(stage));
  }

  std::string where_;
  Program* program_;
  std::set<std::string> given_;
};

}  // namespace

Program parse_program(const std::string& json, const std::string& where,
                      std::map<std::string, tensor::TensorView> tensors) {
  Program program;
  program.tensors = std::move(tensors);
  Reader(where, &program).read(Json::parse(json, where));
  return program;
}

Program read_program(const std::filesystem::path& file) {
  const auto opened = checkpoint::SafetensorsFile::open(file);
  const auto json = opened.metadata().find("program");
  const auto version = opened.metadata().find("crossload_program");
  if (json == opened.metadata().end() || version == opened.metadata().end() || version->second != "1") {
    throw Error(ErrorKind::kBadInput, file.string() + ": is no traced program of this version; trace the model again");
  }
  Program program = parse_program(json->second, file.string(), opened.tensors());
  program.file = file;
  return program;
}

}  // namespace crossload::program

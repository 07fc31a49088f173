#include "lowering/program_model.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "lowering/fold.h"

namespace crossload::lowering {
namespace {

using program::NodeName;
using tensor::Layout;

/// How an operation would like to have an argument of it that is a parameter.
Layout wanted_layout(const program::Node& node, const std::string& argument) {
  if (argument != "weight") return Layout::kSame;
  if (node.op == "aten.linear.default") return Layout::kTranspose;
  if (node.op == "aten.conv2d.default" || node.op == "aten.conv2d.padding") return Layout::kConv2D;
  if (node.op == "aten.conv1d.default" || node.op == "aten.conv1d.padding") return Layout::kConv1D;
  return Layout::kSame;
}

void note_use(const program::Node& node, const std::string& name, const program::Argument& argument,
              std::map<std::string, std::set<Layout>>* uses) {
  if (const auto* read = argument.get<NodeName>()) (*uses)[read->name].insert(wanted_layout(node, name));
  if (const auto* list = argument.get<program::Argument::List>()) {
    for (const program::Argument& member : *list) note_use(node, "", member, uses);
  }
}

/// The layouts in which each node is read.
std::map<std::string, std::set<Layout>> uses_of(const program::Program& program) {
  std::map<std::string, std::set<Layout>> uses;
  for (const program::Node& node : program.nodes) {
    for (const auto& [name, argument] : node.args) note_use(node, name, argument, &uses);
  }
  for (const program::Output& output : program.outputs) uses[output.node].insert(Layout::kSame);
  for (const program::Stage& stage : program.stages) {
    for (const std::string& node : stage.nodes) uses[node].insert(Layout::kSame);
  }
  return uses;
}

Shape shape_of(const program::Parameter& parameter) {
  Shape shape;
  for (const program::Size& size : parameter.type.shape) shape.push_back(std::get<std::int64_t>(size));
  return shape;
}

/// Where variables are in TensorFlow: by PyTorch's names, less what nodes cannot be called. Names that are the same then,
/// as those of `proj` and `_proj`, are counted.
class VariableNames {
 public:
  /// The scope of the module that holds a parameter, and the parameter's own name in TensorFlow and in PyTorch.
  std::tuple<keras::Scope, std::string, std::string> place_of(const keras::Scope& root, const std::string& name) {
    const std::string path = unique(tensorflow_path(name));
    const std::size_t dot = name.rfind('.');
    if (dot == std::string::npos) return {root, path, name};
    const std::size_t slash = path.rfind('/');
    const std::string module = slash == std::string::npos ? "" : path.substr(0, slash);
    return {root.child(name.substr(0, dot), module), path.substr(slash + 1), name.substr(dot + 1)};
  }

 private:
  std::string unique(std::string path) {
    if (path.empty() || path.ends_with('/')) path += "parameter";
    std::string name = path;
    for (int count = 1; !taken_.insert(name).second; ++count) name = path + "_" + std::to_string(count);
    return name;
  }

  std::set<std::string> taken_;
};

/// Whether a result comes without a flag of the call, or the flag is set.
bool is_wanted(const std::string& output, const keras::Call& call) {
  if (keras::are_hidden_states(output)) return call.output_hidden_states;
  if (keras::are_attentions(output)) return call.output_attentions;
  return true;
}

/// "hidden_states" of "hidden_states.0"; empty for what is no member of a list.
std::string list_of(const std::string& name) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string::npos || dot + 1 == name.size()) return "";
  const bool is_index = std::all_of(name.begin() + static_cast<std::ptrdiff_t>(dot) + 1, name.end(),
                                    [](char c) { return c >= '0' && c <= '9'; });
  return is_index ? name.substr(0, dot) : "";
}

/// The sizes of what a node gives, as PyTorch recorded them; none of an input or a parameter.
std::vector<program::Size> sizes_of(const program::Program& program, const std::string& node) {
  const auto found = std::ranges::find(program.nodes, node, &program::Node::name);
  const auto* type = found == program.nodes.end() ? nullptr : std::get_if<program::TensorType>(&found->result);
  return type == nullptr ? std::vector<program::Size>() : type->shape;
}

}  // namespace

keras::Interface interface_of(const program::Program& program) {
  keras::Interface interface;
  std::string masked;  // what attention_mask has the sizes of
  std::string ids;
  std::string decoder_ids;
  for (const program::Input& input : program.inputs) {
    Shape shape;
    for (const program::Size& size : input.type.shape) {
      const auto* known = std::get_if<std::int64_t>(&size);
      shape.push_back(known == nullptr ? -1 : *known);
    }
    const bool is_integer = tf::is_integer(input.type.dtype);
    interface.serving.push_back({input.name, is_integer ? tf::DataType::kInt32 : input.type.dtype, shape});
    if (input.name == "input_ids") ids = masked = input.name;
    if (input.name == "input_values" && shape.size() == 2 && ids.empty()) masked = input.name;
    if (input.name == "decoder_input_ids") decoder_ids = input.name;
  }
  for (const program::Output& output : program.outputs) {
    if (output.name == "sentence_embedding") interface.own_signatures.push_back(output.name);
  }
  for (const keras::InputSpec& input : interface.serving) {
    if (input.name == "attention_mask" && !masked.empty()) interface.defaults.push_back(keras::ones_for({masked}));
    if (input.name == "decoder_attention_mask" && !decoder_ids.empty()) {
      interface.defaults.push_back(keras::ones_for({decoder_ids}, input.name));
    }
    if (input.name == "token_type_ids" && !ids.empty()) interface.defaults.push_back({input.name, 0, {ids}});
  }
  return interface;
}

ProgramModel::ProgramModel(const keras::Scope& scope, std::shared_ptr<const program::Program> program,
                           const keras::Config& config)
    : Model(config, interface_of(*program)), program_(std::move(program)) {
  require_known_operations(*program_);
  const auto uses = uses_of(*program_);
  std::map<std::string, std::set<Layout>> of_tensor;  // tied parameters are one variable
  const auto origin = [](const program::Parameter& parameter) {
    return parameter.key.empty() ? parameter.value : parameter.key;
  };
  for (const program::Parameter& parameter : program_->parameters) {
    const auto found = uses.find(parameter.node);
    if (found != uses.end()) of_tensor[origin(parameter)].insert(found->second.begin(), found->second.end());
  }
  std::map<std::string, const keras::Variable*> made;
  VariableNames names;
  for (const program::Parameter& parameter : program_->parameters) {
    if (parameter.is_constant) {
      bound_.constants.emplace(parameter.node, program_->tensors.at(parameter.value));
      continue;
    }
    const auto [existing, is_new] = made.try_emplace(origin(parameter), nullptr);
    if (is_new) {
      const std::set<Layout>& layouts = of_tensor[origin(parameter)];
      const auto [module, leaf, key] = names.place_of(scope, parameter.name);
      existing->second = &module.variable(
          leaf, key, shape_of(parameter),
          {.layout = layouts.size() == 1 ? *layouts.begin() : Layout::kSame, .trainable = parameter.trainable});
    }
    bound_.variables.emplace(parameter.node, existing->second);
  }
}

/// It takes TensorFlow, which is not there yet when the model is bound.
const Bound& ProgramModel::folded(const std::shared_ptr<const tf::Library>& library) const {
  if (!std::exchange(is_folded_, true)) bound_.folded = fold(*program_, bound_, library);
  return bound_;
}

keras::ModelOutput ProgramModel::call(const keras::ModelInputs& inputs, const keras::Call& call) const {
  Wanted wanted{{}, call.stages};
  for (const program::Output& output : program_->outputs) {
    if (is_wanted(output.name, call)) wanted.outputs.push_back(output);
  }
  keras::ModelGraph& graph = keras::ModelGraph::of(inputs.tensors.begin()->second);
  const std::vector<tf::Tensor> tensors = lower(*program_, folded(graph.library()), inputs, wanted, &graph);
  keras::ModelOutput result;
  for (std::size_t begin = 0, end = 0; begin < tensors.size(); begin = end) {
    const std::string list = list_of(wanted.outputs[begin].name);
    std::set<std::vector<program::Size>> shapes;
    bool is_whole = !list.empty();
    do {
      is_whole = is_whole && wanted.outputs[end].name == list + "." + std::to_string(end - begin);
      shapes.insert(sizes_of(*program_, wanted.outputs[end].node));
    } while (++end < tensors.size() && !list.empty() && list_of(wanted.outputs[end].name) == list);
    if (is_whole) {
      const std::vector<tf::Tensor> members(tensors.begin() + begin, tensors.begin() + end);
      result.add(list, members, /*is_even=*/shapes.size() == 1);
    } else {  // a tensor, or what there is of a list that is None elsewhere
      for (std::size_t i = begin; i < end; ++i) result.add(wanted.outputs[i].name, tensors[i]);
    }
  }
  return result;
}

}  // namespace crossload::lowering

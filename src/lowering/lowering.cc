#include "lowering/lowering.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "crossload/error.h"
#include "keras/module_error.h"
#include "lowering/reads.h"
#include "lowering/table.h"
#include "tf/ops.h"

namespace crossload::lowering {
namespace {

using program::Node;

/// The nodes that the wanted results need, but those that only folded ones need.
std::set<std::string> reached(const program::Program& program, const Bound& bound, const Wanted& wanted) {
  std::set<std::string> reached;
  for (const program::Output& output : wanted.outputs) reached.insert(output.node);
  if (wanted.checks) {
    for (const program::Check& check : program.checks) reached.insert(check.node);
  }
  if (wanted.stages) {
    for (const program::Stage& stage : program.stages) reached.insert(stage.nodes.begin(), stage.nodes.end());
  }
  for (auto node = program.nodes.rbegin(); node != program.nodes.rend(); ++node) {
    if (!reached.contains(node->name) || bound.folded.contains(node->name)) continue;
    const std::vector<std::string> names = reads_of(*node);
    reached.insert(names.begin(), names.end());
  }
  return reached;
}

/// What is taken of nodes that give several tensors.
std::set<std::pair<std::string, std::int64_t>> members_read(const program::Program& program,
                                                            const std::set<std::string>& reached) {
  std::set<std::pair<std::string, std::int64_t>> members;
  for (const Node& node : program.nodes) {
    if (node.op != "getitem" || !reached.contains(node.name)) continue;
    const auto* from = node.args.at("a").get<program::NodeName>();
    const auto* member = node.args.at("b").get<std::int64_t>();
    if (from != nullptr && member != nullptr) members.emplace(from->name, *member);
  }
  return members;
}

/// "modeling_llama.py:301"
keras::Place place_of(const std::string& path, const std::string& class_name, const std::string& source) {
  const std::size_t colon = source.rfind(':');
  int line = 0;
  if (colon != std::string::npos) std::from_chars(source.data() + colon + 1, source.data() + source.size(), line);
  return {path, class_name, source.substr(0, colon), line};
}

tf::Tensor constant_of(const tensor::TensorView& view, keras::ModelGraph* graph) {
  tf::HostTensor value(graph->library(), tf::data_type_of(view.dtype), view.shape);
  const std::span<std::byte> bytes(static_cast<std::byte*>(graph->library()->TF_TensorData(value.get())),
                                   view.bytes.size());
  std::ranges::copy(view.bytes, bytes.begin());
  return graph->constant(value);
}

/// The sizes that PyTorch recorded of a tensor, -1 for symbols.
Shape shape_of(const program::TensorType& type) {
  Shape shape;
  for (const program::Size& size : type.shape) {
    const auto* known = std::get_if<std::int64_t>(&size);
    shape.push_back(known == nullptr ? -1 : *known);
  }
  return shape;
}

class Walk {
 public:
  Walk(const program::Program& program, const Bound& bound, const Wanted& wanted, keras::ModelGraph* graph)
      : program_(program), bound_(bound), wanted_(wanted), reached_(reached(program, bound, wanted)) {
    environment_.graph = graph;
    environment_.variables = bound.variables;
    environment_.members_read = members_read(program, reached_);
    for (const program::Stage& stage : program.stages) {
      places_.try_emplace(stage.path, place_of(stage.path, stage.class_name, stage.source));
      callers_.try_emplace(stage.path, stage.caller);
    }
    places_.try_emplace("", place_of("", program.class_name, program.source));
  }

  std::vector<tf::Tensor> run(const keras::ModelInputs& inputs) {
    for (const program::Input& input : program_.inputs) read(input, inputs);
    for (const program::Parameter& parameter : program_.parameters) read(parameter);
    for (const Node& node : program_.nodes) {
      if (reached_.contains(node.name)) lower(node);
    }
    std::vector<tf::Tensor> outputs;
    for (const program::Output& output : wanted_.outputs) outputs.push_back(plain(output.node));
    if (wanted_.checks) check(&outputs);
    add_stages();
    return outputs;
  }

 private:
  tf::Tensor plain(const std::string& node) {
    Forms* forms = environment_.values.at(node).forms();
    if (forms == nullptr) throw Error(ErrorKind::kBadInput, program_.file.string() + ": " + node + " is no tensor");
    return forms->plain();
  }

  /// Makes whatever reads an output wait for the program's checks. What is left out of a function, since nothing reads
  /// it, would not be looked at.
  void check(std::vector<tf::Tensor>* outputs) {
    std::vector<TF_Operation*> assertions;
    for (const program::Check& check : program_.checks) {
      const auto node = std::ranges::find(program_.nodes, check.node, &Node::name);
      const tf::NameScope names(environment_.graph, tensorflow_path(node->module));
      assertions.push_back(environment_.graph->operation("Assert")
                               .input(plain(check.node))
                               .inputs({environment_.graph->texts({check.message})})
                               .types("T", {tf::DataType::kString})
                               .finish());
    }
    if (assertions.empty()) return;
    for (tf::Tensor& output : *outputs) {
      tf::OperationBuilder checked = environment_.graph->operation("Identity");
      checked.input(output);
      for (TF_Operation* assertion : assertions) checked.control(assertion);
      output = checked.output();
    }
  }

  void read(const program::Input& input, const keras::ModelInputs& inputs) {
    if (inputs.tensors.empty()) return;  // for constants alone
    const tf::Tensor& given = inputs.at(input.name);
    const tf::Dims dims = tf::dims_of(given);
    for (std::size_t i = 0; i < input.type.shape.size() && i < dims.size(); ++i) {
      const auto* symbol = std::get_if<std::string>(&input.type.shape[i]);
      if (symbol != nullptr) environment_.symbols.try_emplace(*symbol, dims[i]);
    }
    environment_.values.emplace(input.node, converted(given, input.type.dtype));
    environment_.results.emplace(input.node, input.type);
  }

  void read(const program::Parameter& parameter) {
    if (!reached_.contains(parameter.node)) return;
    environment_.results.emplace(parameter.node, parameter.type);
    const auto variable = bound_.variables.find(parameter.node);
    environment_.values.emplace(parameter.node,
                                variable != bound_.variables.end()
                                    ? environment_.graph->value(*variable->second)
                                    : constant_of(bound_.constants.at(parameter.node), environment_.graph));
  }

  void lower(const Node& node) {
    if (const auto folded = bound_.folded.find(node.name); folded != bound_.folded.end()) {
      const tf::NameScope names(environment_.graph, tensorflow_path(node.module));
      environment_.results.emplace(node.name, node.result);
      environment_.values.emplace(node.name, environment_.graph->constant(folded->second));
      return;
    }
    const std::string scope = tensorflow_path(node.module);
    const keras::Place& place = place_of_module(node.module);
    const keras::Place& caller = caller_of_module(node.module);
    environment_.graph->add_scope(scope, place, caller);
    const tf::NameScope names(environment_.graph, scope);
    environment_.nodes.emplace(node.name, &node);
    environment_.results.emplace(node.name, node.result);
    try {
      const Table::Lower* lower = operations().find(node.op);
      if (lower == nullptr) throw tf::OperationError(node.op, node.op, node.name, "the operation is not known");
      Value value = (*lower)(Operation(&environment_, node));
      check(node, value);
      environment_.values.emplace(node.name, std::move(value));
    } catch (const tf::OperationError& error) {
      const std::string op = node.op + (error.type().empty() || error.type() == node.op ? "" : " by " + error.type());
      throw keras::ModuleError({place, caller, op, error.reason()}, error.kind());
    }
  }

  /// Tells TensorFlow the sizes that it does not see, and notices an operation that gives others than PyTorch's.
  void check(const Node& node, const Value& value) {
    const auto* type = std::get_if<program::TensorType>(&node.result);
    if (type == nullptr || value.forms() == nullptr || !value.forms()->has_plain()) return;
    const tf::Tensor& tensor = value.forms()->plain();
    if (tensor.dtype() != type->dtype) {
      throw tf::OperationError(node.op, node.op, node.name,
                               "gives " + name_of(tensor.dtype()) + " where PyTorch has " + name_of(type->dtype));
    }
    environment_.graph->set_shape(tensor, shape_of(*type));
  }

  const keras::Place& place_of_module(const std::string& module) {
    const auto found = places_.find(module);
    return found != places_.end() ? found->second
                                  : places_.emplace(module, keras::Place{module, "", "", 0}).first->second;
  }

  const keras::Place& caller_of_module(const std::string& module) {
    const auto found = callers_.find(module);
    return place_of_module(found == callers_.end() ? "" : found->second);
  }

  /// Whether all that a stage returns is there as PyTorch has it, without a node more.
  bool has(const program::Stage& stage) const {
    return std::ranges::all_of(stage.nodes, [&](const std::string& node) {
      const auto found = environment_.values.find(node);
      const Forms* forms = found == environment_.values.end() ? nullptr : found->second.forms();
      return forms != nullptr && (forms->has_plain() || forms->has_rows());
    });
  }

  void add_stages() {
    for (const program::Stage& stage : program_.stages) {
      if (!wanted_.stages && !has(stage)) continue;
      const keras::Place& at = place_of_module(stage.path);
      keras::Stage made{stage.path, stage.call, {}, at.class_name, at.file, at.line, stage.caller, {}};
      const tf::NameScope names(environment_.graph, tensorflow_path(stage.path));
      for (const std::string& node : stage.nodes) {
        if (Forms* forms = environment_.values.at(node).forms()) {
          for (const tf::Tensor& form : forms->all()) made.other_forms.push_back(form);
          if (forms->has_rows()) environment_.graph->set_rows(forms->plain(), {forms->rows(), forms->lead()});
        }
        made.outputs.push_back(plain(node));
      }
      environment_.graph->add_stage(std::move(made));
    }
  }

  const program::Program& program_;
  const Bound& bound_;
  const Wanted& wanted_;
  const std::set<std::string> reached_;
  Environment environment_;
  std::map<std::string, keras::Place> places_;
  std::map<std::string, std::string> callers_;
};

}  // namespace

std::string tensorflow_path(const std::string& module) {
  std::string path = module;
  std::ranges::replace(path, '.', '/');
  std::erase_if(path, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)) && c != '_' && c != '/'; });
  while (path.starts_with('_') || path.starts_with('/')) path.erase(0, 1);
  return path;
}

std::vector<tf::Tensor> lower(const program::Program& program, const Bound& bound, const keras::ModelInputs& inputs,
                              const Wanted& wanted, keras::ModelGraph* graph) {
  return Walk(program, bound, wanted, graph).run(inputs);
}

void require_known_operations(const program::Program& program) {
  std::map<std::string, std::pair<int, std::string>> unknown;
  for (const Node& node : program.nodes) {
    if (operations().find(node.op) == nullptr) ++unknown.try_emplace(node.op, 0, node.module).first->second.first;
  }
  if (unknown.empty()) return;
  std::string list;
  for (const auto& [op, where] : unknown) {
    list += (list.empty() ? "" : ", ") + op + " (" + std::to_string(where.first) + " in " +
            (where.second.empty() ? "the model itself" : where.second) + ")";
  }
  throw Error(ErrorKind::kUnsupported,
              program.class_name + ": operations of PyTorch that have no counterpart here: " + list);
}

}  // namespace crossload::lowering

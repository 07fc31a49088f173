#include "export/saved_model_parts.h"

#include <algorithm>
#include <iterator>

#include "crossload/error.h"
#include "export/compact_function.h"
#include "tf/ops.h"

namespace crossload::exporting {

using keras::ModelGraph;
using tf::Tensor;

namespace {

constexpr const char* kBodyPrefix = "n";

/// A model that cannot be called with its own signature is not PyTorch's function, whatever the checkpoint is.
keras::ModelOutput call(const keras::Model& model, const keras::ModelInputs& inputs, const keras::Call& how) {
  try {
    return model(inputs, how);
  } catch (const keras::ModuleError& error) {
    throw error.where_pytorch_runs();
  }
}

std::string joined(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
  return text;
}

/// A result of the model, and its tensors: one, or those of a list.
using Result = std::pair<OutputSpec, std::vector<Tensor>>;

const std::string& name_of_result(const Result& result) { return result.first.name; }

std::vector<std::string> member_names(const OutputSpec& output) {
  if (!output.is_list) return {output.name};
  std::vector<std::string> names;
  for (std::size_t i = 0; i < output.tensors.size(); ++i) names.push_back(output.name + "_" + std::to_string(i));
  return names;
}

/// Whether the members of a list have the same sizes, as hidden states of images that shrink on their way have not.
bool can_be_stacked(const OutputSpec& list) {
  const Shape& first = list.tensors.front().shape;
  return list.is_even && std::ranges::all_of(list.tensors, [&](const TensorSpec& tensor) {
           return std::ranges::equal(tensor.shape, first, [](auto a, auto b) { return a < 0 || b < 0 || a == b; });
         });
}

/// What a signature has, whose results are no lists: the members stacked, or where they cannot be, each by itself.
std::vector<Result> without_list(const OutputSpec& list, const std::vector<Tensor>& members) {
  if (can_be_stacked(list)) {
    const TensorSpec& first = list.tensors.front();
    Shape shape = first.shape;
    shape.insert(shape.begin(), static_cast<std::int64_t>(members.size()));
    return {{{list.name, /*is_list=*/false, {{first.dtype, shape}}}, {tf::stack(members)}}};
  }
  std::vector<Result> results;
  for (std::size_t i = 0; i < members.size(); ++i) {
    results.push_back({{list.name + "." + std::to_string(i), /*is_list=*/false, {list.tensors[i]}}, {members[i]}});
  }
  return results;
}

/// a, b, ..., z, aa, ab, ...: there are as many of them in each call as the model has variables.
std::string short_name(std::size_t index) {
  constexpr std::size_t kLetters = 26;
  std::string name;
  for (std::size_t rest = index + 1; rest > 0; rest = (rest - 1) / kLetters) {
    name.insert(name.begin(), static_cast<char>('a' + (rest - 1) % kLetters));
  }
  return name;
}

/// `made` as the input of that shape takes it: with choices where the model has them, see keras::fold_choices.
Tensor as_input(const Tensor& made, const keras::MadeInput& input, const Shape& shape, const Tensor& of) {
  if (made.rank() == static_cast<int>(shape.size())) return made;
  if (!input.instead) return tf::expand_dims(made, 1);
  tf::Dims dims = tf::dims_of(of);
  dims.push_back(tf::dims_of(made).back());
  return tf::reshape(made, dims);
}

/// The tensor that an input that was not passed stands for: `sizes` begins with those of `like`.
Tensor filled(const keras::InputSpec& input, std::int32_t value, const Tensor& like) {
  tf::Graph& graph = like.graph();
  const Tensor number = graph.constant(value, input.dtype);
  if (like.rank() == static_cast<int>(input.shape.size()))
    return graph.operation("Fill").input(tf::shape(like)).input(number).output();
  tf::Dims dims = tf::dims_of(like);
  dims.resize(std::min(dims.size(), input.shape.size()), 0);
  for (std::size_t i = dims.size(); i < input.shape.size(); ++i) dims.emplace_back(input.shape[i]);
  return tf::fill(graph, dims, number);
}

}  // namespace

/// The graph of a piece, while it is made.
class SavedModelParts::PartGraph {
 public:
  PartGraph(const SavedModelParts& parts, const std::set<std::string>& inputs)
      : parts_(parts), graph_(parts.main_->library(), ModelGraph::Handles::kArguments) {
    for (const keras::InputSpec& input : keras::signature_of(parts.model_, inputs)) {
      given_.tensors.emplace(input.name, graph_.placeholder(input.dtype, input.shape, node_name(input)));
    }
  }

  ModelGraph& graph() { return graph_; }
  const Tensor& input(const std::string& name) const { return given_.at(name); }
  keras::ModelOutput run(bool training) { return call(parts_.model_, given_, parts_.how(training)); }

  void add(const keras::ModelOutput::Field& field) {
    OutputSpec& spec = outputs_.emplace_back(OutputSpec{field.name, field.is_list, {}, field.is_even});
    for (const Tensor& tensor : field.tensors) {
      // An identity, so that an output that is an input, or two outputs that are one tensor, have nodes of their own.
      results_.push_back(tf::identity(tensor));
      spec.tensors.push_back({tensor.dtype(), tensor.shape()});
    }
  }

  /// Adds the function to the main graph. Its nodes are called `prefix`a, `prefix`b, ...
  Part finish(const std::string& name, const std::string& prefix, CompactNodes* nodes = nullptr) {
    Part part{name, {}, {}, outputs_};
    const std::set<TF_Operation*> read = graph_.origins_of(results_);
    std::vector<Tensor> arguments;
    const auto take = [&](const Tensor& argument) {
      if (!read.contains(argument.output().oper)) return false;
      arguments.push_back(argument);
      return true;
    };
    for (const auto& [input, tensor] : given_.tensors) {
      if (take(tensor)) part.inputs.push_back(input);
    }
    std::vector<TensorSpec> variables;
    for (std::size_t i = 0; i < parts_.weights_.variables().size(); ++i) {
      const keras::Variable& variable = parts_.weights_.variables()[i];
      if (!take(graph_.handle(variable))) continue;
      part.variables.push_back(i);
      variables.push_back({dtype_of(variable), variable.shape});
    }
    std::vector<std::string> names;
    for (const OutputSpec& output : outputs_) {
      for (std::string& member : member_names(output)) names.push_back(std::move(member));
    }
    const tf::Function native = graph_.to_function(name, arguments, results_, names);
    for (const tf::Function& of_loop : graph_.functions()) parts_.main_->add_function(of_loop);
    parts_.main_->add_function(tf::Function::from_proto(
        parts_.main_->library(),
        with_handle_data(compacted(native.to_proto(), prefix, nodes), part.inputs.size(), variables)));
    return part;
  }

 private:
  const SavedModelParts& parts_;
  ModelGraph graph_;
  keras::ModelInputs given_;
  std::vector<Tensor> results_;
  std::vector<OutputSpec> outputs_;
};

/// The graph of a call, while it is made. It has an argument for every variable, and says nothing of their types: a
/// loader knows what it captures.
class SavedModelParts::CallGraph {
 public:
  CallGraph(const SavedModelParts& parts, const CallSpec& spec) : parts_(parts), graph_(parts.main_->library()) {
    for (const keras::InputSpec& input : spec.inputs) {
      arguments_.push_back(graph_.placeholder(input.dtype, input.shape, node_name(input)));
      const tf::DataType wanted = keras::signature_of(parts.model_, {input.name}).front().dtype;
      const bool is_other = wanted != input.dtype;
      given_.emplace(input.name, is_other ? tf::cast(arguments_.back(), wanted) : arguments_.back());
    }
    for (std::size_t i = 0; i < parts.weights_.variables().size(); ++i) {
      handles_.push_back(graph_.placeholder(tf::DataType::kResource, {}, short_name(i)));
    }
    arguments_.insert(arguments_.end(), handles_.begin(), handles_.end());
    fill();
  }

  bool has(const std::string& input) const { return given_.contains(input); }
  std::set<std::string> given() const {
    std::set<std::string> names;
    for (const auto& [name, tensor] : given_) names.insert(name);
    return names;
  }

  /// Takes the first result of a part for the input, and the others for results of the model.
  void make(const keras::MadeInput& made, const Part& part) {
    const std::vector<std::vector<Tensor>> results = run(part);
    given_.emplace(made.name, results.front().front());
    for (std::size_t i = 1; i < results.size(); ++i) results_.emplace_back(part.outputs[i], results[i]);
  }
  /// What was passed in place of `made.of` is all that counts from now on.
  void settle(const keras::MadeInput& made) {
    if (made.instead) {
      for (const std::string& name : made.of) given_.erase(name);
    }
    fill();
  }
  void finish(const Part& body) {
    const std::vector<std::vector<Tensor>> results = run(body);
    for (std::size_t i = 0; i < results.size(); ++i) results_.emplace_back(body.outputs[i], results[i]);
    std::ranges::sort(results_, {}, name_of_result);
  }

  ConcreteFunction add(const CallSpec& spec, const Wanted& wanted) {
    std::vector<Result> served;
    for (const auto& [output, members] : results_) {
      if (!wanted(output.name)) continue;
      if (output.is_list && spec.stack_lists) {
        std::ranges::move(without_list(output, members), std::back_inserter(served));
      } else {
        served.emplace_back(output, members);
      }
    }
    // Loaders take the results in the order of their names, in which the eleventh of a list comes before the third.
    std::ranges::sort(served, {}, name_of_result);
    ConcreteFunction function{spec.name, spec.inputs, {}, spec.training};
    std::vector<Tensor> returned;
    std::vector<std::string> names;
    for (const auto& [output, members] : served) {
      function.outputs.push_back(output);
      returned.insert(returned.end(), members.begin(), members.end());
      for (std::string& member : member_names(output)) names.push_back(std::move(member));
    }
    const tf::Function native = graph_.to_function(spec.name, arguments_, returned, names);
    parts_.main_->add_function(tf::Function::from_proto(graph_.library(), compacted(native.to_proto(), "c")));
    return function;
  }

 private:
  void fill() {
    for (const keras::InputDefault& by : parts_.model_.interface().defaults) {
      const std::string* like = keras::first_of(by.like, given_);
      if (like == nullptr || has(by.name)) continue;
      given_.emplace(by.name,
                     filled(keras::signature_of(parts_.model_, {by.name}).front(), by.value, given_.at(*like)));
    }
  }

  /// The results of a part, one list an output.
  std::vector<std::vector<Tensor>> run(const Part& part) {
    std::vector<Tensor> passed;
    for (const std::string& input : part.inputs) passed.push_back(given_.at(input));
    for (const std::size_t variable : part.variables) passed.push_back(handles_[variable]);
    std::vector<tf::DataType> input_types;
    std::vector<tf::DataType> output_types;
    for (const Tensor& tensor : passed) input_types.push_back(tensor.dtype());
    for (const OutputSpec& output : part.outputs) {
      for (const TensorSpec& tensor : output.tensors) output_types.push_back(tensor.dtype);
    }
    const std::vector<Tensor> flat = graph_.operation("StatefulPartitionedCall")
                                         .inputs(passed)
                                         .types("Tin", input_types)
                                         .types("Tout", output_types)
                                         .function("f", part.name)
                                         .outputs();
    std::vector<std::vector<Tensor>> results;
    auto next = flat.begin();
    for (const OutputSpec& output : part.outputs) {
      std::vector<Tensor>& members = results.emplace_back();
      for (const TensorSpec& tensor : output.tensors) {
        members.push_back(*next++);
        graph_.set_shape(members.back(), tensor.shape);
      }
    }
    return results;
  }

  const SavedModelParts& parts_;
  tf::Graph graph_;
  std::vector<Tensor> arguments_;
  std::vector<Tensor> handles_;
  std::map<std::string, Tensor> given_;
  std::vector<Result> results_;
};

keras::Call SavedModelParts::how(bool training) const {
  const keras::Config& config = model_.config();
  if (!training) return {.output_attentions = true, .output_hidden_states = true};
  return {training, config.flag("output_attentions", false), config.flag("output_hidden_states", false)};
}

const SavedModelParts::Part& SavedModelParts::body(const keras::WholeCall& whole, bool training) {
  const std::set<std::string> inputs = keras::names_of(whole.body);
  const std::pair key(joined(inputs), training);
  const auto known = parts_.find(key);
  if (known != parts_.end()) return known->second;
  const std::string name = "__inference_body_" + std::to_string(parts_.size()) + (training ? "_training" : "");
  return parts_.emplace(key, body_graph(whole, training)->finish(name, kBodyPrefix)).first->second;
}

std::unique_ptr<SavedModelParts::PartGraph> SavedModelParts::body_graph(const keras::WholeCall& whole,
                                                                        bool training) const {
  auto graph = std::make_unique<PartGraph>(*this, keras::names_of(whole.body));
  const keras::ModelOutput output = graph->run(training);
  for (const keras::ModelOutput::Field& field : output.fields()) graph->add(field);
  return graph;
}

ServedStages SavedModelParts::served_stages(const keras::WholeCall& whole) {
  const std::unique_ptr<PartGraph> graph = body_graph(whole, /*training=*/false);
  CompactNodes nodes;
  graph->finish("__inference_body_0", kBodyPrefix, &nodes);
  ServedStages result{nodes.order, {}};
  for (const keras::Stage& stage : graph->graph().stages()) {
    for (std::size_t i = 0; i < stage.outputs.size(); ++i) {
      const auto add = [&](const Tensor& tensor, bool is_rows) {
        TF_Operation* const operation = tensor.output().oper;
        const auto name = nodes.by_old_name.find(main_->library()->TF_OperationName(operation));
        if (name == nodes.by_old_name.end() || main_->library()->TF_OperationNumOutputs(operation) != 1) return;
        result.stages.push_back({stage.path, stage.call, i, name->second, is_rows});
      };
      add(stage.outputs[i], /*is_rows=*/false);
      if (const keras::Rows* rows = graph->graph().rows_of(stage.outputs[i])) add(rows->matrix, /*is_rows=*/true);
    }
  }
  return result;
}

const SavedModelParts::Part& SavedModelParts::maker(const keras::MadeInput& made, const std::set<std::string>& given,
                                                    const Part& body, bool training) {
  const std::pair key(made.name + "<" + joined(given), training);
  const auto known = parts_.find(key);
  if (known != parts_.end()) return known->second;
  PartGraph graph(*this, given);
  const keras::ModelOutput output = graph.run(training);
  const keras::InputSpec spec = keras::signature_of(model_, {made.name}).front();
  const auto found = graph.graph().made_inputs().find(made.name);
  if (found != graph.graph().made_inputs().end()) {
    graph.add({made.name,
               {as_input(found->second, made, spec.shape, graph.input(*keras::first_of(made.of, given)))},
               /*is_list=*/false});
  } else {  // a model that does not read it, as positions where they are relative
    const Tensor zero = graph.graph().constant(0, spec.dtype);
    graph.add({made.name, {tf::fill(graph.graph(), tf::Dims(spec.shape.size(), 1), zero)}, /*is_list=*/false});
  }
  for (const keras::ModelOutput::Field& field : output.fields()) {
    const bool is_of_body = std::ranges::find(body.outputs, field.name, &OutputSpec::name) != body.outputs.end();
    if (made.gives_results && !is_of_body) graph.add(field);
  }
  const std::string name =
      "__inference_" + made.name + "_" + std::to_string(parts_.size()) + (training ? "_training" : "");
  // Of no other function's nodes, by which those of a body are known in what others make of the SavedModel.
  return parts_.emplace(key, graph.finish(name, "m" + short_name(parts_.size()) + "_")).first->second;
}

ConcreteFunction SavedModelParts::add_call(const CallSpec& spec, const keras::WholeCall& whole, const Wanted& wanted) {
  const std::vector<keras::MadeInput>& all = model_.interface().made;
  const Part& whole_body = body(whole, spec.training);
  CallGraph graph(*this, spec);
  for (const keras::MadeInput& made : all) {
    const bool is_replaced = std::ranges::any_of(all, [&](const keras::MadeInput& other) {
      return other.instead && graph.has(other.name) && std::ranges::find(other.of, made.name) != other.of.end();
    });
    const std::set<std::string> given = graph.given();
    if (!is_replaced && !given.contains(made.name) && keras::first_of(made.of, given) != nullptr) {
      graph.make(made, maker(made, given, whole_body, spec.training));
    }
    graph.settle(made);
  }
  graph.finish(whole_body);
  return graph.add(spec, wanted);
}

}  // namespace crossload::exporting

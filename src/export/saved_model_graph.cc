#include "export/saved_model_graph.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "export/compact_function.h"
#include "tf/ops.h"

namespace crossload::exporting {
namespace {

using keras::ModelGraph;
using keras::Variable;
using tf::Tensor;

keras::Signature sorted(keras::Signature signature) {
  std::sort(signature.begin(), signature.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return signature;
}

/// The results of a model, flattened as tf.nest does: names sorted, lists in order.
struct FlatOutputs {
  std::vector<Tensor> tensors;
  std::vector<std::string> names;
  std::vector<OutputSpec> specs;
};

/// Those that a function returns: the one that is its own, or all that have no signature of their own.
using Wanted = std::function<bool(const std::string& output)>;

FlatOutputs flatten(const keras::ModelOutput& output, const Wanted& wanted) {
  std::vector<keras::ModelOutput::Field> fields = output.fields();
  std::erase_if(fields, [&](const auto& field) { return !wanted(field.name); });
  std::sort(fields.begin(), fields.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  FlatOutputs flat;
  for (const keras::ModelOutput::Field& field : fields) {
    OutputSpec spec{field.name, field.is_list, {}};
    for (std::size_t i = 0; i < field.tensors.size(); ++i) {
      // An identity, so that an output that is an input, or two outputs that are one tensor, have nodes of their own.
      flat.tensors.push_back(tf::identity(field.tensors[i]));
      flat.names.push_back(field.is_list ? field.name + "_" + std::to_string(i) : field.name);
      spec.tensors.push_back({field.tensors[i].dtype(), field.tensors[i].shape()});
    }
    flat.specs.push_back(std::move(spec));
  }
  return flat;
}

/// A model that cannot be called with its own signature is not PyTorch's function, whatever the checkpoint is.
keras::ModelOutput call(const keras::Model& model, const keras::ModelInputs& inputs, const keras::Call& how) {
  try {
    return model(inputs, how);
  } catch (const keras::ModuleError& error) {
    throw keras::ModuleError(error.failure(), ErrorKind::kDisagrees);
  }
}

/// A model called into the body of a function.
struct Body {
  Body(const std::shared_ptr<const tf::Library>& library, const keras::Model& model, const keras::Weights& weights,
       const std::string& name, const keras::Signature& inputs, bool training, const Wanted& wanted)
      : graph(library, ModelGraph::Handles::kArguments), function{name, sorted(inputs), {}, training} {
    keras::ModelInputs model_inputs;
    const keras::Call how = {training, model.config().flag("output_attentions", false),
                             model.config().flag("output_hidden_states", false)};
    std::vector<Tensor> arguments;
    for (const keras::InputSpec& input : function.inputs) {
      const Tensor placeholder = graph.placeholder(input.dtype, input.shape, input.name);
      arguments.push_back(placeholder);
      model_inputs.tensors.emplace(input.name, placeholder);
    }
    for (const Variable& variable : weights.variables()) arguments.push_back(graph.handle(variable));
    const FlatOutputs flat = flatten(call(model, model_inputs, how), wanted);
    function.outputs = flat.specs;
    function_def = graph.to_function(name, arguments, flat.tensors, flat.names).to_proto();
  }

  ModelGraph graph;
  ConcreteFunction function;
  std::string function_def;
};

/// Adds a body to the main graph.
ConcreteFunction add_body(tf::Graph* main, const keras::Model& model, const keras::Weights& weights,
                          const std::string& name, const keras::Signature& inputs, bool training,
                          const Wanted& wanted) {
  const Body body(main->library(), model, weights, name, inputs, training, wanted);
  std::vector<TensorSpec> variables;
  for (const Variable& variable : weights.variables()) variables.push_back({dtype_of(variable), variable.shape});
  main->add_function(tf::Function::from_proto(
      main->library(), with_handle_data(compacted(body.function_def), body.function.inputs.size(), variables)));
  return body.function;
}

/// The outputs that are no signature's own.
Wanted shared_outputs(const keras::Model& model) {
  return [&own = model.interface().own_signatures](const std::string& output) {
    return std::ranges::find(own, output) == own.end();
  };
}

/// The tensor that an input that was not passed stands for.
Tensor filled(tf::Graph* graph, const keras::InputSpec& input, const keras::InputDefault& by, const Tensor& like) {
  tf::Dims dims = tf::dims_of(like);
  for (std::size_t i = dims.size(); i < input.shape.size(); ++i) dims.emplace_back(input.shape[i]);
  return tf::fill(*graph, dims, graph->constant(by.value, input.dtype));
}

const keras::InputDefault* default_of(const keras::Model& model, const std::string& input) {
  const auto found = std::ranges::find(model.defaults(), input, &keras::InputDefault::name);
  return found == model.defaults().end() ? nullptr : &*found;
}

bool has(const keras::Signature& signature, const std::string& input) {
  return std::ranges::find(signature, input, &keras::InputSpec::name) != signature.end();
}

/// A function of the given name and inputs that calls the body: inputs of other types are cast, those that it lacks
/// filled. It has an argument for every variable too, and says nothing of their types: a loader knows what it captures.
ConcreteFunction add_wrapper(tf::Graph* main, const keras::Model& model, const ConcreteFunction& body,
                             std::size_t variables, const std::string& name, const keras::Signature& inputs,
                             bool stack_lists) {
  tf::Graph graph(main->library());
  ConcreteFunction function{name, sorted(inputs), body.outputs, body.training};
  std::vector<Tensor> arguments;
  std::map<std::string, Tensor> given;
  for (const keras::InputSpec& input : function.inputs) {
    arguments.push_back(graph.placeholder(input.dtype, input.shape, input.name));
    given.emplace(input.name, arguments.back());
  }
  std::vector<Tensor> passed;
  std::vector<tf::DataType> input_types;
  for (const keras::InputSpec& input : body.inputs) {
    const auto found = given.find(input.name);
    if (found != given.end()) {
      passed.push_back(found->second.dtype() == input.dtype ? found->second : tf::cast(found->second, input.dtype));
    } else {
      const keras::InputDefault& by = *default_of(model, input.name);
      passed.push_back(filled(&graph, input, by, given.at(by.like)));
    }
    input_types.push_back(input.dtype);
  }
  for (std::size_t i = 0; i < variables; ++i) {
    const Tensor handle = graph.placeholder(tf::DataType::kResource, {}, "v" + std::to_string(i));
    arguments.push_back(handle);
    passed.push_back(handle);
    input_types.push_back(tf::DataType::kResource);
  }
  std::vector<tf::DataType> output_types;
  for (const OutputSpec& output : body.outputs) {
    for (const TensorSpec& tensor : output.tensors) output_types.push_back(tensor.dtype);
  }
  const std::vector<Tensor> called = graph.operation("StatefulPartitionedCall", "body")
                                         .inputs(passed)
                                         .types("Tin", input_types)
                                         .types("Tout", output_types)
                                         .function("f", body.name)
                                         .outputs();
  std::vector<Tensor> results;
  std::vector<std::string> names;
  auto next = called.begin();
  for (OutputSpec& output : function.outputs) {
    const std::vector<Tensor> members(next, next + static_cast<std::ptrdiff_t>(output.tensors.size()));
    next += static_cast<std::ptrdiff_t>(output.tensors.size());
    if (output.is_list && stack_lists) {
      Shape shape = output.tensors.front().shape;
      shape.insert(shape.begin(), static_cast<std::int64_t>(members.size()));
      output = {output.name, /*is_list=*/false, {{output.tensors.front().dtype, shape}}};
      results.push_back(tf::stack(members));
      names.push_back(output.name);
      continue;
    }
    for (std::size_t i = 0; i < members.size(); ++i) {
      results.push_back(members[i]);
      names.push_back(output.is_list ? output.name + "_" + std::to_string(i) : output.name);
    }
  }
  main->add_function(graph.to_function(name, arguments, results, names));
  return function;
}

bool is_integer(const keras::InputSpec& input) {
  return input.dtype == tf::DataType::kInt32 || input.dtype == tf::DataType::kInt64;
}

/// The same inputs with integers of each width, int32 first; the inputs as they are where there are none.
std::vector<keras::Signature> in_each_width(const keras::Signature& inputs) {
  if (std::ranges::none_of(inputs, is_integer)) return {inputs};
  std::vector<keras::Signature> widths;
  for (const tf::DataType width : {tf::DataType::kInt32, tf::DataType::kInt64}) {
    for (keras::InputSpec& input : widths.emplace_back(inputs)) {
      if (is_integer(input)) input.dtype = width;
    }
  }
  return widths;
}

/// The nodes by which a signature's function is called: placeholders, and one that has the results.
void add_call(tf::Graph* main, const ConcreteFunction& function, const std::string& input_prefix,
              const std::string& node, const std::vector<Tensor>& handles) {
  std::vector<Tensor> arguments;
  std::vector<tf::DataType> input_types;
  for (const keras::InputSpec& input : function.inputs) {
    arguments.push_back(main->placeholder(input.dtype, input.shape, input_prefix + input.name));
    input_types.push_back(input.dtype);
  }
  arguments.insert(arguments.end(), handles.begin(), handles.end());
  input_types.insert(input_types.end(), handles.size(), tf::DataType::kResource);
  std::vector<tf::DataType> output_types;
  for (const OutputSpec& output : function.outputs) output_types.push_back(output.tensors.front().dtype);
  main->operation("StatefulPartitionedCall", node)
      .inputs(arguments)
      .types("Tin", input_types)
      .types("Tout", output_types)
      .function("f", function.name)
      .finish();
}

Tensor text_constant(tf::Graph* graph, const std::string& name, const std::vector<std::string>& values) {
  return graph->operation("Const", name)
      .type("dtype", tf::DataType::kString)
      .proto("value", string_tensor(values))
      .output();
}

/// The nodes with which TensorFlow's own loaders (TF Serving, the C API) fill the variables, one restore a variable, so
/// that no more than one is in memory twice.
void add_saver(tf::Graph* graph, const keras::Weights& weights, const std::vector<Tensor>& handles) {
  const Tensor filename = graph->placeholder(tf::DataType::kString, {}, kSaverFilename);
  std::vector<std::string> keys;
  std::vector<Tensor> values;
  std::vector<TF_Operation*> assignments;
  for (std::size_t i = 0; i < handles.size(); ++i) {
    const std::string prefix = "saver/" + std::to_string(i);
    const Variable& variable = weights.variables()[i];
    keys.push_back(variable_checkpoint_key(i));
    const Tensor restored = graph->operation("RestoreV2", prefix + "/restore")
                                .input(filename)
                                .input(text_constant(graph, prefix + "/key", {keys.back()}))
                                .input(text_constant(graph, prefix + "/slice", {""}))
                                .types("dtypes", {dtype_of(variable)})
                                .output();
    const Tensor shaped =
        graph->operation("EnsureShape", prefix + "/shape").input(restored).shape("shape", variable.shape).output();
    assignments.push_back(
        graph->operation("AssignVariableOp", prefix + "/assign").input(handles[i]).input(shaped).finish());
    values.push_back(graph->operation("ReadVariableOp", prefix + "/read")
                         .input(handles[i])
                         .type("dtype", dtype_of(variable))
                         .output());
  }
  tf::OperationBuilder restore = graph->operation("NoOp", kRestoreNode);
  for (TF_Operation* assignment : assignments) restore.control(assignment);
  restore.finish();
  const std::vector<std::string> no_slices(keys.size(), "");
  TF_Operation* save = graph->operation("SaveV2", "saver/save")
                           .input(filename)
                           .input(text_constant(graph, "saver/keys", keys))
                           .input(text_constant(graph, "saver/slices", no_slices))
                           .inputs(values)
                           .finish();
  graph->operation("Identity", kSaveNode).input(filename).control(save).finish();
}

}  // namespace

std::string variable_checkpoint_key(std::size_t index) {
  return "variables/" + std::to_string(index) + "/.ATTRIBUTES/VARIABLE_VALUE";
}

std::vector<keras::Signature> body_inputs(const keras::Model& model) {
  std::vector<keras::Signature> sets = model.other_calls();
  sets.insert(sets.begin(), model.serving());
  std::vector<keras::Signature> bodies;
  std::set<std::vector<std::string>> known;
  for (keras::Signature& inputs : sets) {
    for (const keras::InputSpec& input : model.inputs()) {
      const keras::InputDefault* by = default_of(model, input.name);
      if (by != nullptr && !has(inputs, input.name) && has(inputs, by->like)) inputs.push_back(input);
    }
    inputs = sorted(inputs);
    std::vector<std::string> names;
    for (const keras::InputSpec& input : inputs) names.push_back(input.name);
    if (known.insert(names).second) bodies.push_back(inputs);
  }
  return bodies;
}

std::vector<keras::Signature> call_inputs(const keras::Model& model, const keras::Signature& body) {
  std::vector<keras::Signature> sets = {body};
  for (const keras::InputSpec& input : body) {
    const keras::InputDefault* by = default_of(model, input.name);
    if (by == nullptr || !has(body, by->like)) continue;
    for (std::size_t i = 0, count = sets.size(); i < count; ++i) {
      keras::Signature without = sets[i];
      std::erase_if(without, [&](const keras::InputSpec& one) { return one.name == input.name; });
      sets.push_back(std::move(without));
    }
  }
  return sets;
}

SavedModelGraph build_saved_model_graph(const std::shared_ptr<const tf::Library>& library, const keras::Model& model,
                                        const keras::Weights& weights) {
  ModelGraph main(library, ModelGraph::Handles::kVariables);
  std::vector<Tensor> handles;
  for (const Variable& variable : weights.variables()) handles.push_back(main.handle(variable));

  SavedModelGraph result;
  const std::vector<std::string>& own = model.interface().own_signatures;
  const Wanted is_shared = shared_outputs(model);
  const std::vector<keras::Signature> bodies = body_inputs(model);
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    for (const bool training : {false, true}) {
      const std::string name = "__inference_body_" + std::to_string(i) + (training ? "_training" : "");
      const ConcreteFunction body = add_body(&main, model, weights, name, bodies[i], training, is_shared);
      for (const keras::Signature& inputs : call_inputs(model, bodies[i])) {
        for (const keras::Signature& call : in_each_width(inputs)) {
          for (const bool by_keyword : {false, true}) {
            const std::string wrapper = "__inference_call_" + std::to_string(result.calls.size());
            result.calls.push_back(
                add_wrapper(&main, model, body, handles.size(), wrapper, call, /*stack_lists=*/false));
            result.calls.back().by_keyword = by_keyword;
          }
        }
      }
      if (i == 0 && !training) {
        result.serving = add_wrapper(&main, model, body, handles.size(), "__inference_serving_default", model.serving(),
                                     /*stack_lists=*/true);
      }
    }
  }

  add_call(&main, result.serving, kServingInputPrefix, kServingNode, handles);
  for (const std::string& name : own) {
    const Signature& signature = result.own_signatures.emplace_back(
        name, add_body(&main, model, weights, "__inference_" + name, model.serving(), /*training=*/false,
                       [&](const std::string& output) { return output == name; }));
    add_call(&main, signature.function, signature.input_prefix(), signature.node(), handles);
  }
  add_saver(&main, weights, handles);
  main.operation("NoOp", kInitNode).finish();
  result.graph_def = main.to_proto();
  return result;
}

ServedStages served_stages(const std::shared_ptr<const tf::Library>& library, const keras::Model& model,
                           const keras::Weights& weights) {
  const Body body(library, model, weights, "__inference_body_0", body_inputs(model).front(), /*training=*/false,
                  shared_outputs(model));
  CompactNodes nodes;
  compacted(body.function_def, &nodes);
  ServedStages result{nodes.order, {}};
  for (const keras::Stage& stage : body.graph.stages()) {
    for (std::size_t i = 0; i < stage.outputs.size(); ++i) {
      TF_Operation* const operation = stage.outputs[i].output().oper;
      const auto name = nodes.by_old_name.find(library->TF_OperationName(operation));
      if (name == nodes.by_old_name.end() || library->TF_OperationNumOutputs(operation) != 1) continue;
      result.stages.push_back({stage.path, stage.call, i, name->second});
    }
  }
  return result;
}

}  // namespace crossload::exporting

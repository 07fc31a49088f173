#include "export/saved_model_graph.h"

#include <algorithm>
#include <deque>
#include <functional>

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

FlatOutputs flatten(const keras::ModelOutput& output, bool stack_lists, const Wanted& wanted) {
  std::vector<keras::ModelOutput::Field> fields = output.fields();
  std::erase_if(fields, [&](const auto& field) { return !wanted(field.name); });
  std::sort(fields.begin(), fields.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  FlatOutputs flat;
  for (keras::ModelOutput::Field& field : fields) {
    if (field.is_list && stack_lists) field = {field.name, {tf::stack(field.tensors)}, /*is_list=*/false};
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

/// Calls the model into the body of a function and adds it to the main graph.
ConcreteFunction add_function(tf::Graph* main, const keras::Model& model, const keras::Weights& weights,
                              const std::string& name, const keras::Signature& inputs, bool training, bool stack_lists,
                              const Wanted& wanted) {
  ModelGraph body(main->library(), ModelGraph::Handles::kArguments);
  ConcreteFunction function{name, sorted(inputs), {}, training};
  keras::ModelInputs model_inputs;
  const keras::Call how = {training, model.config().flag("output_attentions", false),
                           model.config().flag("output_hidden_states", false)};
  std::vector<Tensor> arguments;
  for (const keras::InputSpec& input : function.inputs) {
    const Tensor placeholder = body.placeholder(input.dtype, input.shape, input.name);
    arguments.push_back(placeholder);
    model_inputs.tensors.emplace(input.name, placeholder);
  }
  std::vector<TensorSpec> variables;
  for (const Variable& variable : weights.variables()) {
    arguments.push_back(body.handle(variable));
    variables.push_back({dtype_of(variable), variable.shape});
  }
  const FlatOutputs flat = flatten(call(model, model_inputs, how), stack_lists, wanted);
  function.outputs = flat.specs;
  const tf::Function native = body.to_function(name, arguments, flat.tensors, flat.names);
  main->add_function(tf::Function::from_proto(main->library(),
                                              with_handle_data(native.to_proto(), function.inputs.size(), variables)));
  return function;
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

SavedModelGraph build_saved_model_graph(const std::shared_ptr<const tf::Library>& library, const keras::Model& model,
                                        const keras::Weights& weights) {
  ModelGraph main(library, ModelGraph::Handles::kVariables);
  std::vector<Tensor> handles;
  for (const Variable& variable : weights.variables()) handles.push_back(main.handle(variable));

  SavedModelGraph result;
  const std::vector<std::string>& own = model.interface().own_signatures;
  const Wanted is_shared = [&](const std::string& output) { return std::ranges::find(own, output) == own.end(); };
  std::vector<keras::Signature> signatures = model.other_calls();
  signatures.insert(signatures.begin(), model.serving());
  for (std::size_t i = 0; i < signatures.size(); ++i) {
    for (const bool training : {false, true}) {
      const std::string name = "__inference_call_" + std::to_string(i) + (training ? "_training" : "");
      result.calls.push_back(
          add_function(&main, model, weights, name, signatures[i], training, /*stack_lists=*/false, is_shared));
    }
  }
  result.serving = add_function(&main, model, weights, "__inference_serving_default", model.serving(),
                                /*training=*/false, /*stack_lists=*/true, is_shared);
  add_call(&main, result.serving, kServingInputPrefix, kServingNode, handles);
  for (const std::string& name : own) {
    const Signature& signature = result.own_signatures.emplace_back(
        name, add_function(&main, model, weights, "__inference_" + name, model.serving(), /*training=*/false,
                           /*stack_lists=*/true, [&](const std::string& output) { return output == name; }));
    add_call(&main, signature.function, signature.input_prefix(), signature.node(), handles);
  }
  add_saver(&main, weights, handles);
  main.operation("NoOp", kInitNode).finish();
  result.graph_def = main.to_proto();
  return result;
}

}  // namespace crossload::exporting

#include "export/saved_model_graph.h"

#include <algorithm>
#include <set>

#include "export/compact_function.h"
#include "export/function_def.h"
#include "tf/ops.h"

namespace crossload::exporting {
namespace {

using keras::ModelGraph;
using keras::Variable;
using tf::Tensor;

/// What `__call__` and serving_default return: hidden states and attentions where the configuration says so, and no
/// result that has a signature of its own.
Wanted usual_outputs(const keras::Model& model) {
  const bool attentions = model.config().flag("output_attentions", false);
  const bool hidden_states = model.config().flag("output_hidden_states", false);
  const std::vector<std::string> own = model.interface().own_signatures;
  return [=](const std::string& output) {
    if (keras::are_attentions(output)) return attentions;
    if (keras::are_hidden_states(output)) return hidden_states;
    return std::ranges::find(own, output) == own.end();
  };
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

/// The nodes with which TensorFlow's own loaders (TF Serving, the C API) fill the variables, one restore a variable, so
/// that no more than one is in memory twice.
void add_saver(tf::Graph* graph, const keras::Weights& weights, const std::vector<Tensor>& handles) {
  const Tensor filename = graph->placeholder(tf::DataType::kString, {}, kSaverFilename);
  const Tensor no_slice = graph->texts({""}, "saver/slice");
  std::vector<std::string> keys;
  std::vector<Tensor> values;
  std::vector<TF_Operation*> assignments;
  for (std::size_t i = 0; i < handles.size(); ++i) {
    const std::string prefix = "saver/" + std::to_string(i);
    const Variable& variable = weights.variables()[i];
    keys.push_back(variable_checkpoint_key(i));
    const Tensor restored = graph->operation("RestoreV2", prefix + "/restore")
                                .input(filename)
                                .input(graph->texts({keys.back()}, prefix + "/key"))
                                .input(no_slice)
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
  tf::OperationBuilder saved = graph->operation("Identity", kSaveNode).input(filename);
  if (!keys.empty()) {  // SaveV2 takes no empty list, and there may be nothing to save
    const std::vector<std::string> no_slices(keys.size(), "");
    saved.control(graph->operation("SaveV2", "saver/save")
                      .input(filename)
                      .input(graph->texts(keys, "saver/keys"))
                      .input(graph->texts(no_slices, "saver/slices"))
                      .inputs(values)
                      .finish());
  }
  saved.finish();
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
  SavedModelParts parts(&main, model, weights);
  const std::vector<keras::WholeCall> wholes = keras::whole_calls(model);
  const Wanted usual = usual_outputs(model);
  const auto serving = [&](const std::string& name, const Wanted& wanted) {
    const CallSpec spec = {"__inference_" + name, keras::signature_of(model, keras::names_of(model.serving())),
                           /*training=*/false, /*stack_lists=*/true};
    return parts.add_call(spec, wholes.front(), wanted);
  };
  // TensorFlow tries them in this order: what is called most comes first.
  std::set<std::pair<bool, std::set<std::string>>> known;
  for (const bool training : {false, true}) {
    for (const keras::WholeCall& whole : wholes) {
      for (const keras::Signature& inputs : keras::partial_calls(model, whole.inputs)) {
        // Who trains on embeddings passes all of them: each set of inputs is a function that takes room.
        if (training && &whole != &wholes.front() && inputs.size() < whole.inputs.size()) continue;
        if (!known.emplace(training, keras::names_of(inputs)).second) continue;
        for (const keras::Signature& call : in_each_width(inputs)) {
          for (const bool by_keyword : {false, true}) {
            const CallSpec spec = {"__inference_call_" + std::to_string(result.calls.size()), call, training};
            result.calls.push_back(parts.add_call(spec, whole, usual));
            result.calls.back().by_keyword = by_keyword;
          }
        }
      }
    }
  }
  result.serving = serving("serving_default", usual);
  add_call(&main, result.serving, kServingInputPrefix, kServingNode, handles);
  const std::vector<std::string>& own = model.interface().own_signatures;
  const auto is_own = [&](const std::string& output) { return std::ranges::find(own, output) != own.end(); };
  const auto add_signature = [&](const std::string& name, const Wanted& wanted) {
    const Signature& signature = result.own_signatures.emplace_back(Signature{name, serving(name, wanted)});
    add_call(&main, signature.function, signature.input_prefix(), signature.node(), handles);
  };
  add_signature(keras::kWithHiddenStates, [&](const std::string& output) { return !is_own(output); });
  for (const std::string& name : own) add_signature(name, [&](const std::string& output) { return output == name; });
  add_saver(&main, weights, handles);
  main.operation("NoOp", kInitNode).finish();
  result.graph_def = without_defaults(main.to_proto());
  return result;
}

ServedStages served_stages(const std::shared_ptr<const tf::Library>& library, const keras::Model& model,
                           const keras::Weights& weights) {
  tf::Graph main(library);
  return SavedModelParts(&main, model, weights).served_stages(keras::whole_calls(model).front());
}

}  // namespace crossload::exporting

#include "verify/runner.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "crossload/error.h"
#include "export/saved_model_proto.h"
#include "keras/model_graph.h"
#include "tensor/layout.h"

namespace crossload::verify {
namespace {

using keras::ModelGraph;
using tf::Tensor;

using TensorKey = std::pair<TF_Operation*, int>;

TensorKey key_of(const TF_Output& output) { return {output.oper, output.index}; }

/// Finds, for each stage, the stages whose tensors it reads.
class Reads {
 public:
  explicit Reads(const ModelGraph& graph) : graph_(graph) {
    for (std::size_t i = 0; i < graph.stages().size(); ++i) {
      for (const Tensor& tensor : graph.stages()[i].outputs) owner_.try_emplace(key_of(tensor.output()), i);
    }
  }

  std::vector<std::size_t> of(std::size_t stage) const {
    std::set<std::size_t> found;
    std::set<TF_Operation*> seen;
    std::vector<TF_Output> open;
    for (const Tensor& tensor : graph_.stages()[stage].outputs) open.push_back(tensor.output());
    while (!open.empty()) {
      const TF_Output output = open.back();
      open.pop_back();
      const auto owner = owner_.find(key_of(output));
      if (owner != owner_.end() && owner->second < stage) {
        found.insert(owner->second);
        continue;
      }
      if (!seen.insert(output.oper).second) continue;
      const tf::Library& library = *graph_.library();
      for (int i = 0; i < library.TF_OperationNumInputs(output.oper); ++i) {
        open.push_back(library.TF_OperationInput(TF_Input{output.oper, i}));
      }
    }
    return {found.begin(), found.end()};
  }

 private:
  const ModelGraph& graph_;
  std::map<TensorKey, std::size_t> owner_;
};

Values to_values(const tf::HostTensor& tensor) {
  const std::span<const float> elements = tensor.values<float>();
  return {tensor.shape(), {elements.begin(), elements.end()}};
}

tf::DataType fed_type(const TensorView& view) {
  return is_floating(view.dtype) ? tf::DataType::kFloat : tf::DataType::kInt32;
}

[[noreturn]] void unknown_input(const std::string& name, const keras::Signature& known) {
  std::string names;
  for (const keras::InputSpec& input : known) names += (names.empty() ? "" : ", ") + input.name;
  throw Error(ErrorKind::kUsage, "the input \"" + name + "\" is not one of the model's: " + names);
}

void require_known(const Feeds& inputs, const keras::Signature& known) {
  for (const auto& [name, view] : inputs) {
    const std::string& wanted = name;
    if (std::none_of(known.begin(), known.end(), [&](const auto& input) { return input.name == wanted; })) {
      unknown_input(name, known);
    }
  }
}

void assign_variables(ModelGraph* graph, tf::Session* session, const keras::Weights& weights, const ReadVariable& read) {
  for (const keras::Variable& variable : weights.variables()) {
    tf::HostTensor value(graph->library(), tf::DataType::kFloat, variable.shape);
    read(variable, value.values<float>());
    const Tensor source = graph->placeholder(tf::DataType::kFloat, variable.shape, variable.name + "/Value");
    TF_Operation* assign = graph->operation("AssignVariableOp", variable.name + "/Assign")
                               .input(graph->handle(variable))
                               .input(source)
                               .finish();
    session->run({{source, value}}, {}, {assign});
  }
}

}  // namespace

tf::HostTensor to_host(const std::shared_ptr<const tf::Library>& library, const TensorView& view) {
  tf::HostTensor tensor(library, fed_type(view), view.shape);
  if (is_floating(view.dtype)) {
    const std::span<float> out = tensor.values<float>();
    widen_to_float32(view.dtype, view.bytes.data(), static_cast<std::int64_t>(out.size()), out.data());
    return tensor;
  }
  const std::size_t size = size_of(view.dtype);
  std::size_t offset = 0;
  for (std::int32_t& element : tensor.values<std::int32_t>()) {
    std::int64_t value = 0;
    std::memcpy(&value, view.bytes.data() + offset, size);
    if (view.dtype == DType::kI32) value = static_cast<std::int32_t>(value);  // the sign
    element = static_cast<std::int32_t>(value);
    offset += size;
  }
  return tensor;
}

Observation observe(const std::shared_ptr<const tf::Library>& library, const tf::SessionOptions& options,
                    const keras::TFPreTrainedModel& model, const keras::Weights& weights, const ReadVariable& read,
                    const Feeds& inputs) {
  require_known(inputs, model.inputs());
  ModelGraph graph(library, ModelGraph::Handles::kVariables);
  keras::ModelInputs model_inputs;
  model_inputs.output_attentions = true;
  model_inputs.output_hidden_states = true;
  std::vector<tf::Session::Feed> feeds;
  for (const auto& [name, view] : inputs) {
    Shape open_shape(view.shape.size(), -1);  // sizes are left open, as in the artifact
    for (const keras::InputSpec& spec : model.inputs()) {
      if (spec.name == name && spec.shape.size() == view.shape.size()) open_shape = spec.shape;
    }
    const Tensor placeholder = graph.placeholder(fed_type(view), open_shape, name);
    model_inputs.tensors.emplace(name, placeholder);
    feeds.emplace_back(placeholder, to_host(library, view));
  }
  const keras::ModelOutput output = model.call(model_inputs, /*training=*/false);

  Observation observation;
  std::vector<Tensor> fetches;
  const Reads reads(graph);
  for (std::size_t i = 0; i < graph.stages().size(); ++i) {
    const keras::Stage& stage = graph.stages()[i];
    fetches.insert(fetches.end(), stage.outputs.begin(), stage.outputs.end());
    observation.stages.push_back({stage.path, stage.call, {}, reads.of(i)});
  }
  std::vector<std::string> names;
  for (const keras::ModelOutput::Field& field : output.fields()) {
    for (std::size_t i = 0; i < field.tensors.size(); ++i) {
      names.push_back(field.is_list ? field.name + "." + std::to_string(i) : field.name);
      fetches.push_back(field.tensors[i]);
    }
  }

  tf::Session session(&graph, options);
  assign_variables(&graph, &session, weights, read);
  const std::vector<tf::HostTensor> values = session.run(feeds, fetches);
  std::size_t at = 0;
  for (std::size_t i = 0; i < observation.stages.size(); ++i) {
    for (std::size_t k = 0; k < graph.stages()[i].outputs.size(); ++k) {
      observation.stages[i].outputs.push_back(to_values(values[at++]));
    }
  }
  for (const std::string& name : names) observation.outputs.emplace(name, to_values(values[at++]));
  return observation;
}

std::optional<std::map<std::string, Values>> serve(const std::shared_ptr<const tf::Library>& library,
                                                   const tf::SessionOptions& options,
                                                   const std::filesystem::path& saved_model, const Feeds& inputs) {
  tf::Graph graph(library);
  std::string meta_graph;
  tf::Session session = tf::Session::load(saved_model, &graph, options, &meta_graph);
  const ServingSignature signature = read_serving_signature(meta_graph, saved_model.string());
  if (signature.inputs.size() != inputs.size()) return std::nullopt;
  const auto tensor = [&](const std::string& name) {
    const std::size_t colon = name.find(':');
    TF_Operation* found = library->TF_GraphOperationByName(graph.get(), name.substr(0, colon).c_str());
    if (found == nullptr || colon == std::string::npos) {
      throw Error(ErrorKind::kBadInput, saved_model.string() + ": its signature names " + name + ", which the graph lacks");
    }
    return Tensor(&graph, TF_Output{found, std::stoi(name.substr(colon + 1))});
  };
  std::vector<tf::Session::Feed> feeds;
  for (const auto& [name, node] : signature.inputs) {
    const auto value = inputs.find(name);
    if (value == inputs.end()) return std::nullopt;
    feeds.emplace_back(tensor(node), to_host(library, value->second));
  }
  std::vector<Tensor> fetches;
  for (const auto& [name, node] : signature.outputs) fetches.push_back(tensor(node));
  const std::vector<tf::HostTensor> values = session.run(feeds, fetches);
  std::map<std::string, Values> outputs;
  std::size_t at = 0;
  for (const auto& [name, node] : signature.outputs) outputs.emplace(name, to_values(values[at++]));
  return outputs;
}

}  // namespace crossload::verify

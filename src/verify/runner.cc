#include "verify/runner.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <set>

#include "crossload/error.h"
#include "export/saved_model_proto.h"
#include "keras/model_graph.h"
#include "tensor/layout.h"
#include "tf/ops.h"

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

template <class T>
std::int64_t load_integer(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return static_cast<std::int64_t>(value);
}

std::int64_t integer_at(DType dtype, const std::byte* at) {
  switch (dtype) {
    case DType::kI8:
      return load_integer<std::int8_t>(at);
    case DType::kI16:
      return load_integer<std::int16_t>(at);
    case DType::kU16:
      return load_integer<std::uint16_t>(at);
    case DType::kI32:
      return load_integer<std::int32_t>(at);
    case DType::kU32:
      return load_integer<std::uint32_t>(at);
    case DType::kI64:
    case DType::kU64:
      return load_integer<std::int64_t>(at);
    default:
      return load_integer<std::uint8_t>(at);  // bytes and booleans
  }
}

/// The number after the colon of "StatefulPartitionedCall:0".
int output_index(const std::string& text, const std::filesystem::path& saved_model) {
  int index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (error != std::errc() || end != text.data() + text.size() || index < 0) {
    throw Error(ErrorKind::kBadInput, saved_model.string() + ": its signature names output \"" + text + "\" of a node");
  }
  return index;
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

/// Fills the variables, several in one run: every run of a session costs, and so does all memory at once.
void assign_variables(ModelGraph* graph, tf::Session* session, const keras::Weights& weights,
                      const ReadVariable& read) {
  constexpr std::int64_t kElementsAtOnce = 16 << 20;
  std::vector<std::pair<Tensor, TF_Operation*>> assigns;  // made first: a session takes up a graph's growth once
  for (const keras::Variable& variable : weights.variables()) {
    const Tensor source = graph->placeholder(tf::DataType::kFloat, variable.shape, node_name(variable) + "/Value");
    assigns.emplace_back(source, graph->operation("AssignVariableOp", node_name(variable) + "/Assign")
                                     .input(graph->handle(variable))
                                     .input(source)
                                     .finish());
  }
  std::vector<tf::Session::Feed> feeds;
  std::vector<TF_Operation*> targets;
  std::int64_t elements = 0;
  for (std::size_t i = 0; i < assigns.size(); ++i) {
    const keras::Variable& variable = weights.variables()[i];
    tf::HostTensor value(graph->library(), tf::DataType::kFloat, variable.shape);
    read(variable, value.values<float>());
    feeds.emplace_back(assigns[i].first, value);
    targets.push_back(assigns[i].second);
    elements += element_count(variable.shape);
    if (elements < kElementsAtOnce && i + 1 < assigns.size()) continue;
    session->run(feeds, {}, targets);
    feeds.clear();
    targets.clear();
    elements = 0;
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
  const std::byte* at = view.bytes.data();
  for (std::int32_t& element : tensor.values<std::int32_t>()) {
    const std::int64_t value = integer_at(view.dtype, at);
    if (value != static_cast<std::int32_t>(value)) {
      throw Error(ErrorKind::kUsage, "an input holds " + std::to_string(value) + ", which is no 32-bit integer");
    }
    element = static_cast<std::int32_t>(value);
    at += size;
  }
  return tensor;
}

Runner::Runner(std::shared_ptr<const tf::Library> library, const RunOptions& options,
               const keras::TFPreTrainedModel& model, const keras::Weights& weights, const ReadVariable& read,
               const Feeds& inputs)
    : graph_(std::move(library), ModelGraph::Handles::kVariables) {
  require_known(inputs, model.inputs());
  keras::ModelInputs model_inputs;
  model_inputs.output_attentions = options.output_attentions;
  model_inputs.output_hidden_states = options.output_hidden_states;
  graph_.set_substitute(options.substitute);
  add_inputs(model, inputs, &model_inputs);
  add_fetches(model.call(model_inputs, options.training), options.stages);
  graph_.set_substitute(nullptr);
  session_.emplace(&graph_, options.session);
  assign_variables(&graph_, &*session_, weights, read);
}

void Runner::add_inputs(const keras::TFPreTrainedModel& model, const Feeds& inputs, keras::ModelInputs* model_inputs) {
  const keras::Signature known = model.inputs();
  for (const auto& [name, view] : inputs) {
    Shape shape(view.shape.size(), -1);  // sizes are left open, as in the artifact
    for (const keras::InputSpec& spec : known) {
      if (spec.name == name && spec.shape.size() == view.shape.size()) shape = spec.shape;
    }
    const Tensor placeholder = graph_.placeholder(fed_type(view), shape, name);
    placeholders_.emplace(name, placeholder);
    model_inputs->tensors.emplace(name, tf::identity(placeholder));  // may be a stage: what is fed cannot be fetched
  }
}

void Runner::add_fetches(const keras::ModelOutput& output, bool stages) {
  const Reads reads(graph_);
  for (std::size_t i = 0; stages && i < graph_.stages().size(); ++i) {
    const keras::Stage& stage = graph_.stages()[i];
    fetches_.insert(fetches_.end(), stage.outputs.begin(), stage.outputs.end());
    stages_.push_back({stage.path, stage.call, std::vector<Values>(stage.outputs.size()), reads.of(i)});
  }
  for (const keras::ModelOutput::Field& field : output.fields()) {
    for (std::size_t i = 0; i < field.tensors.size(); ++i) {
      output_names_.push_back(field.is_list ? field.name + "." + std::to_string(i) : field.name);
      fetches_.push_back(field.tensors[i]);
    }
  }
}

Observation Runner::run(const Feeds& inputs) {
  std::vector<tf::Session::Feed> feeds;
  for (const auto& [name, view] : inputs) feeds.emplace_back(placeholders_.at(name), to_host(graph_.library(), view));
  const std::vector<tf::HostTensor> values = session_->run(feeds, fetches_);
  Observation observation;
  observation.stages = stages_;
  std::size_t at = 0;
  for (ObservedStage& stage : observation.stages) {
    for (Values& output : stage.outputs) output = to_values(values[at++]);
  }
  for (const std::string& name : output_names_) observation.outputs.emplace(name, to_values(values[at++]));
  return observation;
}

Observation observe(const std::shared_ptr<const tf::Library>& library, const RunOptions& options,
                    const keras::TFPreTrainedModel& model, const keras::Weights& weights, const ReadVariable& read,
                    const Feeds& inputs) {
  return Runner(library, options, model, weights, read, inputs).run(inputs);
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
      throw Error(ErrorKind::kBadInput,
                  saved_model.string() + ": its signature names " + name + ", which the graph lacks");
    }
    return Tensor(&graph, TF_Output{found, output_index(name.substr(colon + 1), saved_model)});
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

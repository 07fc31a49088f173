#include "verify/runner.h"

#include <algorithm>
#include <set>

#include "crossload/error.h"
#include "keras/model_graph.h"
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
      for (const Tensor& tensor : graph.stages()[i].other_forms) owner_.try_emplace(key_of(tensor.output()), i);
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

}  // namespace

Runner::Runner(std::shared_ptr<const tf::Library> library, const RunOptions& options, const keras::Model& model,
               const keras::Weights& weights, const ReadVariable& read, const Feeds& inputs)
    : graph_(std::move(library), ModelGraph::Handles::kVariables) {
  require_known(inputs, model.inputs());
  keras::ModelInputs model_inputs;
  graph_.set_substitute(options.substitute);
  add_inputs(model, inputs, &model_inputs);
  add_fetches(model(model_inputs, options.call), options.stages);
  graph_.set_substitute(nullptr);
  session_.emplace(&graph_, options.session);
  assign(weights, read);
}

/// Several variables in one run: every run of a session costs, and so does all memory at once.
void Runner::assign(const keras::Weights& weights, const ReadVariable& read) {
  constexpr std::int64_t kElementsAtOnce = 16 << 20;
  if (assigns_.empty()) {  // made first: a session takes up a graph's growth once
    for (const keras::Variable& variable : weights.variables()) {
      const Tensor source = graph_.placeholder(dtype_of(variable), variable.shape, node_name(variable) + "/Value");
      assigns_.emplace_back(source, graph_.operation("AssignVariableOp", node_name(variable) + "/Assign")
                                        .input(graph_.handle(variable))
                                        .input(source)
                                        .finish());
    }
  }
  std::vector<tf::Session::Feed> feeds;
  std::vector<TF_Operation*> targets;
  std::int64_t elements = 0;
  for (std::size_t i = 0; i < assigns_.size(); ++i) {
    const keras::Variable& variable = weights.variables()[i];
    tf::HostTensor value(graph_.library(), dtype_of(variable), variable.shape);
    if (variable.dtype == DType::kF32) {
      read(variable, value.values<float>());
    } else {
      std::vector<float> elements_of_one(static_cast<std::size_t>(element_count(variable.shape)));
      read(variable, elements_of_one);
      value.assign(elements_of_one);
    }
    feeds.emplace_back(assigns_[i].first, value);
    targets.push_back(assigns_[i].second);
    elements += element_count(variable.shape);
    if (elements < kElementsAtOnce && i + 1 < assigns_.size()) continue;
    session_->run(feeds, {}, targets);
    feeds.clear();
    targets.clear();
    elements = 0;
  }
}

void Runner::add_inputs(const keras::Model& model, const Feeds& inputs, keras::ModelInputs* model_inputs) {
  const keras::Signature known = model.inputs();
  for (const auto& [name, view] : inputs) {
    const std::string& wanted = name;
    const auto spec = std::find_if(known.begin(), known.end(), [&](const auto& input) { return input.name == wanted; });
    const bool usual_rank = spec->shape.size() == view.shape.size();
    const Shape shape = usual_rank ? spec->shape : Shape(view.shape.size(), -1);  // sizes are left open
    const Tensor placeholder = graph_.placeholder(spec->dtype, shape, node_name(*spec));
    placeholders_.emplace(name, placeholder);
    model_inputs->tensors.emplace(name, tf::identity(placeholder));  // may be a stage: what is fed cannot be fetched
  }
}

void Runner::add_fetches(const keras::ModelOutput& output, bool stages) {
  const Reads reads(graph_);
  for (std::size_t i = 0; stages && i < graph_.stages().size(); ++i) {
    const keras::Stage& stage = graph_.stages()[i];
    fetches_.insert(fetches_.end(), stage.outputs.begin(), stage.outputs.end());
    stages_.push_back({stage.path, stage.call, std::vector<Values>(stage.outputs.size()), reads.of(i), stage.class_name,
                       stage.file, stage.line, stage.caller});
  }
  for (const keras::ModelOutput::Field& field : output.fields()) {
    for (std::size_t i = 0; i < field.tensors.size(); ++i) {
      output_names_.push_back(field.is_list ? field.name + "." + std::to_string(i) : field.name);
      fetches_.push_back(field.tensors[i]);
    }
  }
}

std::vector<tf::HostTensor> Runner::fetch(const std::vector<tf::Session::Feed>& feeds) {
  try {
    return session_->run(feeds, fetches_);
  } catch (const tf::OperationError& error) {
    throw keras::ModuleError(graph_.failure_of(error));
  }
}

Observation Runner::run(const Feeds& inputs) {
  std::vector<tf::Session::Feed> feeds;
  for (const auto& [name, view] : inputs) {
    const Tensor& placeholder = placeholders_.at(name);
    feeds.emplace_back(placeholder, to_host(graph_.library(), name, view, placeholder.dtype()));
  }
  const std::vector<tf::HostTensor> values = fetch(feeds);
  Observation observation;
  observation.stages = stages_;
  std::size_t at = 0;
  const auto next = [&] {
    const Tensor& fetched = fetches_[at];
    return to_values(values[at++], fetched.rank() < 0 ? Shape() : fetched.shape());
  };
  for (ObservedStage& stage : observation.stages) {
    for (Values& output : stage.outputs) output = next();
  }
  for (const std::string& name : output_names_) observation.outputs.emplace(name, next());
  return observation;
}

Observation observe(const std::shared_ptr<const tf::Library>& library, const RunOptions& options,
                    const keras::Model& model, const keras::Weights& weights, const ReadVariable& read,
                    const Feeds& inputs) {
  try {
    return Runner(library, options, model, weights, read, inputs).run(inputs);
  } catch (const keras::ModuleError& error) {
    throw error.where_pytorch_runs();
  }
}

}  // namespace crossload::verify

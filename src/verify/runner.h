// Running a converted model on the inputs of a trace, every module observed.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "keras/model_graph.h"
#include "keras/pretrained_model.h"
#include "keras/weights.h"
#include "tensor/tensor_view.h"
#include "tf/session.h"

namespace crossload::verify {

/// What TensorFlow computed for one tensor.
struct Values {
  Shape shape;
  std::vector<float> elements;
};

/// One call of one module, in the order of execution.
struct ObservedStage {
  std::string path;
  int call = 0;
  std::vector<Values> outputs;
  /// The stages (indexes into Observation::stages, all smaller) whose tensors this one reads, not looking through other
  /// stages; its own children are among them.
  std::vector<std::size_t> reads;
};

struct Observation {
  std::vector<ObservedStage> stages;
  std::map<std::string, Values> outputs;  // flattened: "logits", "hidden_states.0", ...
};

/// Fills the elements of a variable.
using ReadVariable = std::function<void(const keras::Variable& variable, std::span<float> out)>;

/// Named values to feed. Integers of any width become int32.
using Feeds = std::map<std::string, TensorView>;

struct RunOptions {
  tf::SessionOptions session;
  bool training = false;
  bool output_attentions = true;
  bool output_hidden_states = true;
  bool stages = true;                          // fetch what every module returns, not the outputs alone
  tf::Graph::Substitute substitute = nullptr;  // puts a fault into the graph
};

/// A model called into a graph, with its variables assigned, ready to run any number of times on inputs of these names,
/// types and ranks.
class Runner {
 public:
  /// Throws Error(kUsage) for an input that the model does not take. `inputs` give names, types and ranks alone.
  Runner(std::shared_ptr<const tf::Library> library, const RunOptions& options, const keras::TFPreTrainedModel& model,
         const keras::Weights& weights, const ReadVariable& read, const Feeds& inputs);
  Observation run(const Feeds& inputs);

 private:
  void add_inputs(const keras::TFPreTrainedModel& model, const Feeds& inputs, keras::ModelInputs* model_inputs);
  void add_fetches(const keras::ModelOutput& output, bool stages);

  keras::ModelGraph graph_;
  std::map<std::string, tf::Tensor> placeholders_;
  std::vector<tf::Tensor> fetches_;  // of the stages, then of the outputs
  std::vector<ObservedStage> stages_;
  std::vector<std::string> output_names_;
  std::optional<tf::Session> session_;
};

/// One run of a Runner of its own.
Observation observe(const std::shared_ptr<const tf::Library>& library, const RunOptions& options,
                    const keras::TFPreTrainedModel& model, const keras::Weights& weights, const ReadVariable& read,
                    const Feeds& inputs);

/// Loads a SavedModel, restores its variables and runs its `serving_default`: its outputs by name. Nothing when the
/// signature takes other inputs than these.
std::optional<std::map<std::string, Values>> serve(const std::shared_ptr<const tf::Library>& library,
                                                   const tf::SessionOptions& options,
                                                   const std::filesystem::path& saved_model, const Feeds& inputs);

/// A view as values for a session, integers as int32.
tf::HostTensor to_host(const std::shared_ptr<const tf::Library>& library, const TensorView& view);

}  // namespace crossload::verify

// Running a converted model on the inputs of a trace, every module observed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "keras/model.h"
#include "keras/model_graph.h"
#include "keras/weights.h"
#include "tf/session.h"
#include "verify/feeds.h"
#include "verify/values.h"

namespace crossload::verify {

/// One call of one module, in the order of execution.
struct ObservedStage {
  std::string path;
  int call = 0;
  std::vector<Values> outputs;
  /// The stages (indexes into Observation::stages, all smaller) whose tensors this one reads, not looking through other
  /// stages; its own children are among them.
  std::vector<std::size_t> reads;
  // Our class, the file and line of its constructor, and the path of the module that makes the call, see keras::Stage.
  std::string class_name = {};
  std::string file = {};
  int line = 0;
  std::string caller = {};
};

struct Observation {
  std::vector<ObservedStage> stages;
  std::map<std::string, Values> outputs;  // flattened: "logits", "hidden_states.0", ...
};

/// Fills the elements of a variable.
using ReadVariable = std::function<void(const keras::Variable& variable, std::span<float> out)>;

struct RunOptions {
  tf::SessionOptions session = {.rewrite = false};
  keras::Call call = {.output_attentions = true, .output_hidden_states = true, .stages = true};
  bool stages = true;                          // fetch what every module returns, not the outputs alone
  tf::Graph::Substitute substitute = nullptr;  // puts a fault into the graph
};

/// A model called into a graph, with its variables assigned, ready to run any number of times on inputs of these names,
/// types and ranks.
class Runner {
 public:
  /// Throws Error(kUsage) for an input that the model does not take, keras::ModuleError when TensorFlow cannot compute
  /// a module from such inputs. `inputs` give names, types and ranks alone.
  Runner(std::shared_ptr<const tf::Library> library, const RunOptions& options, const keras::Model& model,
         const keras::Weights& weights, const ReadVariable& read, const Feeds& inputs);
  /// Throws keras::ModuleError when TensorFlow cannot compute a module from these inputs.
  Observation run(const Feeds& inputs);
  /// Fills the variables anew.
  void assign(const keras::Weights& weights, const ReadVariable& read);

 private:
  void add_inputs(const keras::Model& model, const Feeds& inputs, keras::ModelInputs* model_inputs);
  void add_fetches(const keras::ModelOutput& output, bool stages);
  std::vector<tf::HostTensor> fetch(const std::vector<tf::Session::Feed>& feeds);

  keras::ModelGraph graph_;
  std::map<std::string, tf::Tensor> placeholders_;
  std::vector<std::pair<tf::Tensor, TF_Operation*>> assigns_;  // of each variable: what is fed, what is run
  std::vector<tf::Tensor> fetches_;                            // of the stages, then of the outputs
  std::vector<ObservedStage> stages_;
  std::vector<std::string> output_names_;
  std::optional<tf::Session> session_;
};

/// One run of a Runner of its own, on inputs that PyTorch takes. Throws keras::ModuleError(kDisagrees) when TensorFlow
/// cannot compute a module from them.
Observation observe(const std::shared_ptr<const tf::Library>& library, const RunOptions& options,
                    const keras::Model& model, const keras::Weights& weights, const ReadVariable& read,
                    const Feeds& inputs);

}  // namespace crossload::verify

// The functions of a SavedModel: pieces of the model, each once, and the calls that put them together.
//
//   __call__(input_ids)      input_ids ──> position_ids ─┐
//                                    └──> inputs_embeds ─┴──> body ──> those of its results that are wanted
//   __call__(inputs_embeds)  inputs_embeds ──> position_ids ──> body
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "export/function_def.h"
#include "keras/calls.h"
#include "keras/model_graph.h"
#include "keras/weights.h"

namespace crossload::exporting {

/// One result of a function; a list (hidden_states) is a tuple of tensors.
struct OutputSpec {
  std::string name;
  bool is_list;
  std::vector<TensorSpec> tensors;  // the members of a list, or one
  bool is_even = true;              // see keras::ModelOutput
};

/// A function that others call. Its arguments are the inputs, sorted by name, then every variable of the model.
struct ConcreteFunction {
  std::string name;
  keras::Signature inputs;          // sorted by name
  std::vector<OutputSpec> outputs;  // sorted by name, the order in which TensorFlow flattens a dictionary
  bool training = false;
  bool by_keyword = false;  // the inputs are arguments of their own, not one dictionary
};

/// Which of the model's results a function returns.
using Wanted = std::function<bool(const std::string& output)>;

/// A node of a body that computes what a call of a module returns. There may be two of one result.
struct ServedStage {
  std::string path;  // as in keras::Stage
  int call = 0;
  std::size_t output = 0;  // which of its tensors
  std::string node;
  bool is_rows = false;  // as a matrix of its rows, see keras/rows.h
};

struct ServedStages {
  std::vector<std::string> nodes;  // all of them, each behind those that it reads
  std::vector<ServedStage> stages;
};

/// What a call is to be.
struct CallSpec {
  std::string name;         // of the function
  keras::Signature inputs;  // some of those of `whole`, integers of any width
  bool training = false;
  bool stack_lists = false;  // a list is returned as one tensor [members, ...]
};

/// Adds functions to a graph: the pieces when a call first needs them.
class SavedModelParts {
 public:
  /// All have to outlive this.
  SavedModelParts(tf::Graph* main, const keras::Model& model, const keras::Weights& weights)
      : main_(main), model_(model), weights_(weights) {}

  /// A function of few nodes: inputs that are left out are filled with their defaults or made by pieces of the model,
  /// and the body is called.
  ConcreteFunction add_call(const CallSpec& spec, const keras::WholeCall& whole, const Wanted& wanted);
  /// Where the results of modules are in the body of a call that is not for training.
  ServedStages served_stages(const keras::WholeCall& whole);

 private:
  /// A piece of the model as a function: it takes and captures what it reads alone.
  struct Part {
    std::string name;
    std::vector<std::string> inputs;
    std::vector<std::size_t> variables;  // indices
    std::vector<OutputSpec> outputs;
  };
  class PartGraph;
  /// What the body of a whole call is made from: hidden states and attentions are among its results.
  std::unique_ptr<PartGraph> body_graph(const keras::WholeCall& whole, bool training) const;
  class CallGraph;

  /// The body of a whole call: what it returns, hidden states and attentions among that. A body for training returns
  /// them only where the configuration says so.
  const Part& body(const keras::WholeCall& whole, bool training);
  /// Makes one input of others; first of its results. What it computes of the model's results besides, which the body
  /// then cannot, follows.
  const Part& maker(const keras::MadeInput& made, const std::set<std::string>& given, const Part& body, bool training);
  keras::Call how(bool training) const;

  tf::Graph* main_;
  const keras::Model& model_;
  const keras::Weights& weights_;
  std::map<std::pair<std::string, bool>, Part> parts_;  // by what they make of what, and whether for training
};

}  // namespace crossload::exporting

// The functions and the main graph of a SavedModel.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "export/function_def.h"
#include "keras/model.h"
#include "keras/weights.h"

namespace crossload::exporting {

/// One result of a function; a list (hidden_states) is a tuple of tensors.
struct OutputSpec {
  std::string name;
  bool is_list;
  std::vector<TensorSpec> tensors;  // the members of a list, or one
};

/// A function of the graph's library. Its arguments are the inputs, sorted by name, then every variable of the model.
struct ConcreteFunction {
  std::string name;
  keras::Signature inputs;          // sorted by name
  std::vector<OutputSpec> outputs;  // sorted by name, the order in which TensorFlow flattens a dictionary
  bool training = false;
  bool by_keyword = false;  // the inputs are arguments of their own, not one dictionary
};

/// A signature beside serving_default, and the nodes that serve it.
struct Signature {
  std::string name;
  ConcreteFunction function;

  std::string input_prefix() const { return name + "_"; }
  std::string node() const { return name + "_call"; }
};

struct SavedModelGraph {
  /// Serialized GraphDef: the functions, a handle for each variable, the nodes that serve, save and restore.
  std::string graph_def;
  std::vector<ConcreteFunction> calls;  // of __call__
  ConcreteFunction serving;
  std::vector<Signature> own_signatures;  // see keras::Interface
};

/// The node of serving_default that computes what a call of a module returns.
struct ServedStage {
  std::string path;  // as in keras::Stage
  int call = 0;
  std::size_t output = 0;  // which of its tensors
  std::string node;
};

struct ServedStages {
  std::vector<std::string> nodes;  // all of them, each behind those that it reads
  std::vector<ServedStage> stages;
};

/// The tensor names that loaders need.
inline constexpr const char* kServingInputPrefix = "serving_default_";
inline constexpr const char* kServingNode = "StatefulPartitionedCall";
inline constexpr const char* kSaverFilename = "saver_filename";
inline constexpr const char* kSaveNode = "saver_save";
inline constexpr const char* kRestoreNode = "saver_restore";
inline constexpr const char* kInitNode = "NoOp";

/// The key of variable `index` in the checkpoint of a SavedModel.
std::string variable_checkpoint_key(std::size_t index);

/// The bodies that functions of a SavedModel wrap: the sets of inputs of Model::serving() and other_calls(), with all
/// inputs that have a default.
std::vector<keras::Signature> body_inputs(const keras::Model& model);
/// A body's inputs without each subset of those that have a default, all of them first.
std::vector<keras::Signature> call_inputs(const keras::Model& model, const keras::Signature& body);

/// Calls the model into bodies, one a set of inputs for training and one for not training, and wraps them in functions
/// of a few nodes: each set of inputs of `__call__`, as a dictionary and by keyword, int32 and int64; and the serving
/// signature.
SavedModelGraph build_saved_model_graph(const std::shared_ptr<const tf::Library>& library, const keras::Model& model,
                                        const keras::Weights& weights);

/// What the nodes inside of serving_default are called in what write_saved_model writes, and which are the results of
/// modules: those of nodes with one result alone.
ServedStages served_stages(const std::shared_ptr<const tf::Library>& library, const keras::Model& model,
                           const keras::Weights& weights);

}  // namespace crossload::exporting

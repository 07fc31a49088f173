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

/// The tensor names that loaders need.
inline constexpr const char* kServingInputPrefix = "serving_default_";
inline constexpr const char* kServingNode = "StatefulPartitionedCall";
inline constexpr const char* kSaverFilename = "saver_filename";
inline constexpr const char* kSaveNode = "saver_save";
inline constexpr const char* kRestoreNode = "saver_restore";
inline constexpr const char* kInitNode = "NoOp";

/// The key of variable `index` in the checkpoint of a SavedModel.
std::string variable_checkpoint_key(std::size_t index);

/// Calls the model into functions: each set of inputs with training false and true, and the serving signature.
SavedModelGraph build_saved_model_graph(const std::shared_ptr<const tf::Library>& library, const keras::Model& model,
                                        const keras::Weights& weights);

}  // namespace crossload::exporting

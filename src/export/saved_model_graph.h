// The functions and the main graph of a SavedModel.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "export/saved_model_parts.h"
#include "keras/model.h"
#include "keras/weights.h"

namespace crossload::exporting {

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
  std::vector<Signature> own_signatures;  // those besides
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

/// The functions around pieces of the model, see saved_model_parts.h: for training and not for training, each set of
/// inputs of `__call__`, as a dictionary and by keyword, int32 and int64; and the signatures: serving_default, the one
/// that returns hidden states and attentions too, and those of Interface::own_signatures.
SavedModelGraph build_saved_model_graph(const std::shared_ptr<const tf::Library>& library, const keras::Model& model,
                                        const keras::Weights& weights);

/// What the nodes of serving_default's body are called in what write_saved_model writes, and which are the results of
/// modules: those of nodes with one result alone.
ServedStages served_stages(const std::shared_ptr<const tf::Library>& library, const keras::Model& model,
                           const keras::Weights& weights);

}  // namespace crossload::exporting

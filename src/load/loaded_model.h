// A model class chosen for a configuration, built and bound.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "checkpoint/sentence_modules.h"
#include "crossload/format.h"
#include "keras/architecture.h"
#include "keras/weights.h"
#include "program/program.h"

namespace crossload::exporting {
class StoredWeights;
}

namespace crossload::models {
/// Every architecture, one for each file of src/models/. Made by the build.
const std::vector<keras::Architecture>& registry();
}  // namespace crossload::models

namespace crossload::load {

/// The class of sentence-transformers, by which a folder of it is converted as a whole.
inline constexpr const char* kSentenceTransformer = "SentenceTransformer";

/// A class of the registry, or of PyTorch where it was traced.
struct ModelClass {
  const keras::Architecture* architecture = nullptr;
  const keras::Head* head = nullptr;
  /// Of a folder of sentence-transformers: what follows the transformer, whose class this is. Null for other models.
  std::shared_ptr<const checkpoint::SentenceModules> sentence = nullptr;
  /// Of a model that was traced and has no class here; architecture and head are then null.
  std::shared_ptr<const program::Program> program = nullptr;

  /// "BertForMaskedLM" for TFBertForMaskedLM.
  std::string pytorch_name() const { return program ? program->class_name : head->name.substr(2); }
  /// "TFBertForMaskedLM"; PyTorch's where the model was traced.
  std::string tensorflow_name() const { return program ? program->class_name : head->name; }
  /// What certificates and the reference call it: "TFBertForMaskedLM", or "SentenceTransformer".
  std::string name() const { return sentence ? kSentenceTransformer : tensorflow_name(); }
  /// Of config.json.
  std::string model_type() const { return program ? program->model_type : architecture->model_type; }
  /// What a format has of it: the formats of Transformers v4 have no place for what follows a transformer.
  ModelClass written_as(Format format) const;
};

/// Files that belong to the checkpoint: its own, those of what follows the transformer, and its code if that may be run.
std::vector<std::filesystem::path> files_of(const checkpoint::Checkpoint& checkpoint, const ModelClass& model_class,
                                            bool trusts_code);

/// Chooses by config.json's model_type and, in this order, `wanted` (a class or a TFAutoModel family, with or without
/// TF in front), config.json's one architecture, the base model. Without a model_type the class alone decides. Names
/// that classes had in Transformers' past are known. Throws Error(kUnsupported) that says what there is.
ModelClass choose_class(const checkpoint::Config& config, const std::string& wanted = "");

/// The same for a checkpoint: a folder of sentence-transformers is taken as a whole, unless `wanted` names another class.
ModelClass choose_class(const checkpoint::Checkpoint& checkpoint, const std::string& wanted);

/// The class of an artifact: that of the program beside it, or else as of a checkpoint.
ModelClass choose_class(const std::filesystem::path& artifact, const checkpoint::Checkpoint& checkpoint,
                        const std::string& wanted);

/// Keeps what the model refers to.
struct LoadedModel {
  ModelClass model_class;
  std::unique_ptr<keras::Weights> weights;
  std::unique_ptr<keras::Model> model;
};

/// What the user lets go of a checkpoint: patterns for names as they are in the file, and the reasons.
using IgnoredTensors = std::vector<std::pair<std::string, std::string>>;

/// Binds the model to a PyTorch checkpoint. Keys with or without the base model's prefix are taken, as PyTorch's
/// from_pretrained does. Throws Error(kBadInput) that lists what is missing or unexpected, and says what to do.
LoadedModel load_from_pytorch(const checkpoint::Checkpoint& checkpoint, const ModelClass& model_class,
                              const IgnoredTensors& ignored = {});

/// The model with nothing bound, for its signatures alone.
LoadedModel load_without_weights(const checkpoint::Config& config, const ModelClass& model_class);

/// The variables of an artifact's folder: tf_model.h5, saved_model/ or TensorFlow's model.safetensors, the first that
/// is there; saved_model/ where a transformer is not all. Throws Error(kBadInput).
std::unique_ptr<exporting::StoredWeights> open_artifact(const std::filesystem::path& folder,
                                                        const ModelClass& model_class);

/// Binds the model to an artifact of ours or of Transformers v4: tf_model.h5, model.safetensors of TensorFlow, or
/// saved_model/, the first that is there. Reads all of it into memory.
LoadedModel load_from_tensorflow(const std::filesystem::path& folder, const std::string& wanted = "");

}  // namespace crossload::load

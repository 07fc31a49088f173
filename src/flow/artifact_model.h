// The model of an artifact that is there, bound to the variables that it holds.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "bytes/temporary_folder.h"
#include "crossload/compare.h"
#include "export/stored_weights.h"
#include "load/loaded_model.h"
#include "tf/library.h"

namespace crossload::flow {

/// True when the folder has a model.tflite.
bool has_litert(const std::filesystem::path& artifact);

/// What a model.tflite has been made of cannot be read from it. Where it stands alone, or is the only place of a
/// sentence-transformer, the model is that of the checkpoint, and its variables those of a SavedModel that is made for it.
class ArtifactModel {
 public:
  /// Throws Error: kBadInput for what is not there or does not fit, kUsage where the checkpoint is needed and not named,
  /// kEnvironment without TensorFlow.
  explicit ArtifactModel(const CompareOptions& options);

  const load::LoadedModel& loaded() const { return loaded_; }
  const exporting::StoredWeights& variables() const { return *variables_; }
  const std::shared_ptr<const tf::Library>& library() const { return library_; }
  /// The SavedModel of the artifact; empty when there is none.
  std::filesystem::path saved_model() const;

 private:
  void load_checkpoint(const CompareOptions& options);

  std::filesystem::path path_;
  std::optional<bytes::TemporaryFolder> temporary_;
  load::LoadedModel loaded_;
  std::shared_ptr<const tf::Library> library_;
  std::unique_ptr<exporting::StoredWeights> variables_;
};

}  // namespace crossload::flow

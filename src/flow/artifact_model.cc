#include "flow/artifact_model.h"

#include "artifact/artifact_folder.h"
#include "artifact/weight_formats.h"
#include "checkpoint/checkpoint.h"
#include "crossload/error.h"
#include "flow/litert.h"
#include "verify/trace.h"

namespace crossload::flow {
namespace {

namespace fs = std::filesystem;

std::string wanted_class(const CompareOptions& options, const artifact::ArtifactFolder& folder) {
  const std::string& wanted = options.settings.override_model_class;
  return wanted.empty() ? folder.certified_class() : wanted;
}

/// Nothing beside model.tflite has all of the model.
bool stands_alone(const CompareOptions& options) {
  if (!has_litert(options.artifact)) return false;
  const artifact::ArtifactFolder folder(options.artifact);
  return folder.formats().empty() || (wanted_class(options, folder) == load::kSentenceTransformer &&
                                      !folder.formats().contains(Format::kSavedModel));
}

/// The one named, or the weights inside a golden.
checkpoint::Checkpoint checkpoint_of(const CompareOptions& options) {
  if (!options.model.empty()) return checkpoint::Checkpoint::open(options.model);
  const fs::path& reference = options.settings.reference;
  if (!reference.empty() && verify::Trace::open(reference).has_weights())
    return checkpoint::Checkpoint::open(reference);
  throw Error(ErrorKind::kUsage,
              (options.artifact / artifact::kLitertFile).string() +
                  ": does not say which modules it was made of, and nothing beside it does; name the "
                  "PyTorch checkpoint with --model-name");
}

}  // namespace

bool has_litert(const fs::path& artifact) { return fs::is_regular_file(artifact / artifact::kLitertFile); }

ArtifactModel::ArtifactModel(const CompareOptions& options) : path_(options.artifact) {
  const RunSettings& settings = options.settings;
  const bool alone = stands_alone(options);
  if (!alone) {
    loaded_ = load::load_from_tensorflow(path_, settings.override_model_class);
    variables_ = load::open_artifact(path_, loaded_.model_class);
  }
  library_ = tf::Library::open({settings.tensorflow, settings.onednn});
  if (alone) load_checkpoint(options);
}

void ArtifactModel::load_checkpoint(const CompareOptions& options) {
  const checkpoint::Checkpoint checkpoint = checkpoint_of(options);
  const std::string wanted = wanted_class(options, artifact::ArtifactFolder(path_));
  loaded_ = load::load_from_pytorch(checkpoint, load::choose_class(path_, checkpoint, wanted),
                                    options.settings.ignore_tensors);
  loaded_.weights->store_as(options.dtype);
  temporary_.emplace("litert");
  write_saved_model(loaded_, library_, temporary_->path());
  variables_ = std::move(artifact::open_written({Format::kSavedModel}, temporary_->path()).front().second);
}

fs::path ArtifactModel::saved_model() const { return artifact::ArtifactFolder(path_).saved_model(); }

}  // namespace crossload::flow

// What each format of an artifact has of a checkpoint.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "artifact/artifact_writer.h"
#include "checkpoint/checkpoint.h"
#include "crossload/format.h"
#include "crossload/settings.h"
#include "load/loaded_model.h"

namespace crossload::flow {

/// The models that a conversion writes. They are one, but for a folder of sentence-transformers: the SavedModel and
/// model.tflite have all of it, and the formats of Transformers v4, which have no place for more, the transformer alone.
class WrittenModels {
 public:
  /// Throws Error as load_from_pytorch does. The checkpoint outlives it. `program`: of a model that is traced, else null.
  WrittenModels(const checkpoint::Checkpoint& checkpoint, const RunSettings& settings, std::set<Format> formats,
                DType dtype, const std::shared_ptr<const program::Program>& program = nullptr);

  /// The one that says most, which is compared with PyTorch.
  const load::LoadedModel& whole() const { return whole_; }
  const load::LoadedModel& of(Format format) const;
  /// The same by the format's name, see open_written.
  const load::LoadedModel& of(const std::string& format) const;

  /// Puts the program of a traced model into an artifact's folder.
  void write_program(const std::filesystem::path& folder) const;

  artifact::ArtifactSource source() const;
  /// The files that were read.
  std::vector<std::filesystem::path> files() const;
  /// What PyTorch loads as the reference.
  std::filesystem::path reference(const std::filesystem::path& named) const;
  /// Sentences about the checkpoint, and about what the user may miss in a format.
  std::vector<std::string> notes() const;

 private:
  const checkpoint::Checkpoint& checkpoint_;
  std::set<Format> formats_;
  bool trusts_code_;
  load::ModelClass chosen_;
  load::LoadedModel whole_;
  std::optional<load::LoadedModel> transformer_;
};

}  // namespace crossload::flow

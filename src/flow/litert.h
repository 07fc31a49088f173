// model.tflite in a conversion: made of the SavedModel, and run beside PyTorch.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "bytes/temporary_folder.h"
#include "crossload/convert.h"
#include "export/stored_weights.h"
#include "flow/steps.h"
#include "load/loaded_model.h"
#include "tf/library.h"
#include "verify/litert.h"

namespace crossload::flow {

using WrittenWeights = std::vector<std::pair<std::string, std::unique_ptr<exporting::StoredWeights>>>;

/// Those of the SavedModel that model.tflite has, serving_default first.
std::vector<std::string> litert_signatures(const keras::Model& model);

/// The SavedModel that a model.tflite is made of, into a folder.
void write_saved_model(const load::LoadedModel& loaded, const std::shared_ptr<const tf::Library>& library,
                       const std::filesystem::path& folder);

/// Does nothing for a conversion whose formats have no litert.
class LitertModel {
 public:
  /// All outlive it.
  LitertModel(const ConvertOptions& options, const load::LoadedModel& loaded,
              const std::shared_ptr<const tf::Library>& library);

  /// Writes model.tflite into the artifact's folder, of the SavedModel that is there, or else of one that is made for it.
  /// Throws Error as verify::LitertProcess does.
  void write(const std::filesystem::path& artifact, const Step& step);

  /// The weights that can be read back from the artifact. Where model.tflite is all that is written, those of the
  /// SavedModel that it was made of.
  WrittenWeights open_weights(const std::filesystem::path& artifact) const;

  /// What was made, compared with PyTorch when there is a trace. Nullptr when there is no model.tflite.
  const verify::LitertReport* report(const std::filesystem::path& artifact, const verify::Trace* trace,
                                     const std::optional<Step>& step);

 private:
  const ConvertOptions& options_;
  const load::LoadedModel& loaded_;
  const std::shared_ptr<const tf::Library>& library_;
  std::optional<bytes::TemporaryFolder> temporary_;
  std::optional<verify::LitertProcess> process_;
  std::optional<verify::LitertReport> report_;
};

}  // namespace crossload::flow

// The trace to compare with: recorded now by a Python in the background, or a file.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "bytes/temporary_folder.h"
#include "crossload/settings.h"
#include "flow/steps.h"
#include "keras/model.h"
#include "load/loaded_model.h"
#include "program/program.h"
#include "verify/reference.h"
#include "verify/trace.h"

namespace crossload::flow {

class ReferenceTrace {
 public:
  /// A trace that is there.
  explicit ReferenceTrace(std::filesystem::path file) : file_(std::move(file)) {}
  /// Starts to record the model into a temporary file.
  ReferenceTrace(const std::filesystem::path& model, const verify::ReferenceOptions& options);
  /// The trace of the settings, or a live run of the checkpoint with the class's signatures, its weights rounded as
  /// verify::ReferenceOptions says. Throws Error(kUsage) for
  /// what a trace that is there cannot have.
  static std::unique_ptr<ReferenceTrace> find(const std::filesystem::path& model, const RunSettings& settings,
                                              const load::LoadedModel& loaded, const std::string& weights = "");
  /// A live run that traces the model first; of a folder of sentence-transformers all of it. Without `verify` it does
  /// nothing more.
  static std::unique_ptr<ReferenceTrace> traced(const std::filesystem::path& model, const RunSettings& settings,
                                                bool verify, const std::string& weights = "");
  ReferenceTrace(const ReferenceTrace&) = delete;
  ReferenceTrace& operator=(const ReferenceTrace&) = delete;

  /// Of a run that traces the model: waits for the program. Throws what the recorder says when it fails, and before it
  /// why the model was traced.
  std::shared_ptr<const program::Program> program(const Step& step, const std::string& why = "");
  /// Waits for the recorder, and says what it does. Throws what it says when it fails.
  verify::Trace open(const Step& step);

 private:
  std::optional<bytes::TemporaryFolder> temporary_folder_;
  std::filesystem::path file_;
  std::filesystem::path program_;
  std::unique_ptr<verify::ReferenceProcess> process_;  // ended before its folder goes
};

/// The signatures of a model for the recorder: its serving inputs, the sets of inputs of its other calls, and all that
/// it can take, as JSON.
std::string signature_text(const keras::Model& model);

}  // namespace crossload::flow

// The trace to compare with: recorded now by a Python in the background, or a file.
#pragma once

#include <filesystem>
#include <memory>

#include "crossload/settings.h"
#include "flow/steps.h"
#include "keras/model.h"
#include "load/loaded_model.h"
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
  /// Ends the recorder if it still runs, and removes what it wrote.
  ~ReferenceTrace();
  ReferenceTrace(const ReferenceTrace&) = delete;
  ReferenceTrace& operator=(const ReferenceTrace&) = delete;

  /// Waits for the recorder, and says what it does. Throws what it says when it fails.
  verify::Trace open(const Step& step);

 private:
  std::filesystem::path temporary_folder_;
  std::filesystem::path file_;
  std::unique_ptr<verify::ReferenceProcess> process_;
};

/// The signatures of a model for the recorder: its serving inputs, the sets of inputs of its other calls, and all that
/// it can take, as JSON.
std::string signature_text(const keras::Model& model);

}  // namespace crossload::flow

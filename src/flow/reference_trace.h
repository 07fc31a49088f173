// The trace to compare with: recorded now by a Python in the background, or a file.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "flow/steps.h"
#include "keras/model.h"
#include "verify/reference.h"
#include "verify/trace.h"

namespace crossload {

struct LoadedModel;

/// Where the trace comes from.
struct ReferenceRequest {
  std::filesystem::path model;      // a PyTorch checkpoint, for a live run
  std::filesystem::path reference;  // a trace; empty: a live run
  std::filesystem::path python = {};
  std::filesystem::path inputs = {};  // for a live run, see ConvertOptions
  std::string grid = "none";
  int threads = 1;
};

class ReferenceTrace {
 public:
  /// A trace that is there.
  explicit ReferenceTrace(std::filesystem::path file) : file_(std::move(file)) {}
  /// Starts to record the model into a temporary file.
  ReferenceTrace(const std::filesystem::path& model, const verify::ReferenceOptions& options);
  /// The trace that is there, or a live run of the model's class with what its signatures take. Throws Error(kUsage)
  /// for what a trace that is there cannot have.
  static std::unique_ptr<ReferenceTrace> find(const ReferenceRequest& request, const LoadedModel& loaded);
  /// Ends the recorder if it still runs, and removes what it wrote.
  ~ReferenceTrace();
  ReferenceTrace(const ReferenceTrace&) = delete;
  ReferenceTrace& operator=(const ReferenceTrace&) = delete;

  /// Waits for the recorder, and says what it does. Throws what it says when it fails.
  verify::Trace open(const Steps& steps);

 private:
  std::filesystem::path temporary_folder_;
  std::filesystem::path file_;
  std::unique_ptr<verify::ReferenceProcess> process_;
};

/// The signatures of a model for the recorder: its serving inputs, the sets of inputs of its other calls, and all that
/// it can take, as JSON.
std::string signature_text(const keras::Model& model);

}  // namespace crossload

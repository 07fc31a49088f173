// The trace to compare with: recorded now by a Python in the background, or a file.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "steps.h"
#include "verify/reference.h"
#include "verify/trace.h"

namespace crossload {

class ReferenceTrace {
 public:
  /// A trace that is there.
  explicit ReferenceTrace(std::filesystem::path file) : file_(std::move(file)) {}
  /// Starts to record the model into a temporary file.
  ReferenceTrace(const std::filesystem::path& model, const verify::ReferenceOptions& options);
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

}  // namespace crossload

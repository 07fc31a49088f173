// Comparing an artifact that exists already, ours or anyone's, with PyTorch.
#pragma once

#include <filesystem>

#include "crossload/outcome.h"
#include "crossload/progress.h"
#include "crossload/settings.h"

namespace crossload {

struct CompareOptions {
  /// A folder with config.json and tf_model.h5, saved_model/ or TensorFlow's model.safetensors, sharded or not.
  std::filesystem::path artifact;
  /// The PyTorch checkpoint that it was made from: its tensors are compared with the variables, and a live reference
  /// runs it. May be empty with a trace.
  std::filesystem::path model = {};
  RunSettings settings = {};
};

/// The outcome's findings begin with the part of the work that failed: configuration, binding (a variable is not the
/// checkpoint's) or computing (a module's result is off). What cannot be read or does not fit by its names is an Error.
Outcome compare(const CompareOptions& options, const Progress& progress = {});

}  // namespace crossload

// Comparing an artifact that exists already, ours or anyone's, with PyTorch.
#pragma once

#include <filesystem>
#include <optional>

#include "crossload/dtype.h"
#include "crossload/litert_type.h"
#include "crossload/outcome.h"
#include "crossload/progress.h"
#include "crossload/settings.h"

namespace crossload {

struct CompareOptions {
  /// A folder with config.json and tf_model.h5, saved_model/ or TensorFlow's model.safetensors, sharded or not; and
  /// model.tflite, which is run by LiteRT's interpreters. One that has nothing but model.tflite needs `model`, or a trace
  /// with weights.
  std::filesystem::path artifact;
  /// The PyTorch checkpoint that it was made from: its tensors are compared with the variables, and a live reference
  /// runs it. May be empty with a trace.
  std::filesystem::path model = {};
  RunSettings settings = {};
  /// What model.tflite was converted as; none: what its weights are kept in.
  std::optional<LitertType> litert_type = std::nullopt;
  /// LitertOptions::max_error. Where model.tflite is of float16 or int8 and `litert_type` is none, settings.max_error is
  /// then no more than its default for what else there is.
  std::optional<double> litert_max_error = std::nullopt;
  /// ConvertOptions::dtype of an artifact that has nothing but model.tflite, which does not say it.
  DType dtype = DType::kF32;
};

/// The outcome's findings begin with the part of the work that failed: configuration, binding (a variable is not the
/// checkpoint's) or computing (a module's result is off). What cannot be read or does not fit by its names is an Error.
Outcome compare(const CompareOptions& options, const Progress& progress = {});

}  // namespace crossload

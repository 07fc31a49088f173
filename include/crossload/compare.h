// Comparing an artifact that exists already, ours or anyone's, with PyTorch.
#pragma once

#include <filesystem>
#include <string>

#include "crossload/convert.h"

namespace crossload {

struct CompareOptions {
  /// A folder with config.json and tf_model.h5, saved_model/ or TensorFlow's model.safetensors, sharded or not.
  std::filesystem::path artifact;
  /// What the certificate calls it; empty: the last part of `artifact`.
  std::string name = {};
  /// The PyTorch checkpoint that it was made from: its tensors are compared with the variables, and a live reference
  /// runs it. May be empty with a trace.
  std::filesystem::path model;
  /// A trace; empty: a live run of `model`.
  std::filesystem::path reference;
  std::string override_model_class = {};
  std::vector<std::pair<std::string, std::string>> ignore_tensors = {};  // of `model`, see ConvertOptions
  double max_error = 1e-5;
  double max_hidden_error = 1e-5;
  bool strict = false;
  std::filesystem::path inputs = {};
  std::string grid = "none";
  std::filesystem::path tensorflow = {};
  std::filesystem::path python = {};
  int threads = 1;
  bool onednn = false;
  std::filesystem::path json = {};
  std::filesystem::path report = {};  // the certificate as a page to read, one HTML file
};

/// The result's findings begin with the part of the work that failed: configuration, binding (a variable is not the
/// checkpoint's) or computing (a module's result is off). What cannot be read or does not fit by its names is an Error.
ConvertResult compare(const CompareOptions& options, const Progress& progress = {});

}  // namespace crossload

// Recording what PyTorch computes, to compare with later.
#pragma once

#include <filesystem>
#include <string>

#include "crossload/dtype.h"
#include "crossload/progress.h"

namespace crossload {

struct RecordOptions {
  /// A folder with config.json and the weights.
  std::filesystem::path model;
  /// The trace, a safetensors file.
  std::filesystem::path output;
  // As in RunSettings, for PyTorch alone.
  std::string override_model_class = {};
  bool trust_remote_code = false;
  std::filesystem::path inputs = {};
  std::string grid = "none";
  /// Of half precision: PyTorch's weights are rounded to it, for a conversion that rounds them.
  DType dtype = DType::kF32;
  std::filesystem::path python = {};
  int threads = 1;
  /// For inputs that are drawn at random.
  int seed = 0;
};

/// Records every module of the model that PyTorch runs. Throws Error.
void record(const RecordOptions& options, const Progress& progress = {});

}  // namespace crossload

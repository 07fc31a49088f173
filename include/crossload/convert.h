// The main job: a PyTorch checkpoint becomes TensorFlow artifacts, and is proved to agree.
//
//   crossload::Outcome outcome = crossload::convert({.model = "my-bert", .output = "my-bert-tf"});
//   outcome.agrees;   // true
//   outcome.verdict;  // "agrees"
#pragma once

#include <cstdint>
#include <filesystem>
#include <set>

#include "crossload/dtype.h"
#include "crossload/format.h"
#include "crossload/litert_type.h"
#include "crossload/outcome.h"
#include "crossload/progress.h"
#include "crossload/settings.h"

namespace crossload {

struct ConvertOptions {
  /// A folder with config.json and the weights, a golden, or a file of torch.export.save (.pt2), for which
  /// settings.trust_remote_code has to be set.
  std::filesystem::path model;
  /// The artifact's folder, made when it is not there.
  std::filesystem::path output;
  std::set<Format> formats = {Format::kH5, Format::kSafetensors, Format::kSavedModel};
  /// Replace the TensorFlow weights that the folder has already, in whatever format they are.
  bool new_weights = false;
  /// Of the variables: float32, float16 or bfloat16. Models compute in float32 whatever it is.
  DType dtype = DType::kF32;
  std::int64_t max_shard_size = 10'000'000'000;
  /// Compare with PyTorch: a live run, or the trace in the settings.
  bool verify = true;
  /// Of Format::kLitert, which is not among the formats unless it is named.
  LitertOptions litert = {};
  RunSettings settings = {};
};

/// Throws Error. A disagreement is no error: it is in the outcome, and nothing is written.
Outcome convert(const ConvertOptions& options, const Progress& progress = {});

}  // namespace crossload

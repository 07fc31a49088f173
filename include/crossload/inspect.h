// What is in a file of weights, and which models there are.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "crossload/dtype.h"

namespace crossload {

struct InspectedTensor {
  std::string name;
  DType dtype;
  Shape shape;
};

struct Inspected {
  std::string kind;  // "safetensors (pt)", "tf_model.h5", "SavedModel"
  std::vector<std::pair<std::string, std::string>> metadata;
  std::vector<InspectedTensor> tensors;  // sorted by name
};

/// Reads the names, types and shapes of a safetensors file, a tf_model.h5, a SavedModel's folder, a TensorBundle's
/// .index, or the first of these that a model's folder has. Throws Error(kBadInput).
Inspected inspect(const std::filesystem::path& path);

/// A recorded run of PyTorch that a class was compared with, and what the comparison gave when it last ran. All agreed.
struct VerifiedGolden {
  std::string name;
  int modules = 0;           // calls of modules that were compared
  int tensors = 0;           // that these and the model returned
  std::string worst;         // the tensor with the largest difference from PyTorch where the attention mask keeps, and
  double error = 0;          // that difference
  double tf_to_float64 = 0;  // how far TensorFlow is from PyTorch in float64 there,
  double pt_to_float64 = 0;  // and PyTorch's own float32
  double output_error = 0;   // the largest difference of the model's own outputs
  int relative = 0;          // tensors over 1e-5, which agree by the relative part of the rule alone
  int padded = 0;            // tensors over 1e-5 at excluded positions, which agree by the rule for those
};

struct ListedHead {
  std::string name;                   // "TFBertForMaskedLM"
  std::vector<std::string> families;  // "TFAutoModelForMaskedLM", ...
  std::vector<VerifiedGolden> goldens;

  /// The golden with the largest error; nullptr without any.
  const VerifiedGolden* worst() const;
};

struct ListedModel {
  std::string model_type;
  std::string source;
  std::vector<ListedHead> heads;
  std::vector<std::string> other_model_types;  // of config.json too: a tower of CLIP, saved by itself
};

/// Every architecture that this build has.
std::vector<ListedModel> list_models();

}  // namespace crossload

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

struct ListedHead {
  std::string name;                   // "TFBertForMaskedLM"
  std::vector<std::string> families;  // "TFAutoModelForMaskedLM", ...
};

struct ListedModel {
  std::string model_type;
  std::string source;
  std::vector<ListedHead> heads;
};

/// Every architecture that this build has.
std::vector<ListedModel> list_models();

}  // namespace crossload

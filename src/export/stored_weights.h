// The variables of an artifact, read back, whatever its format.
//
//   const auto weights = open_h5_weights("out");
//   for (const auto& [name, tensor] : weights->tensors()) {
//     std::vector<float> values(element_count(tensor.shape));
//     weights->read(name, values);
//   }
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "crossload/dtype.h"

namespace crossload::exporting {

struct StoredTensor {
  DType dtype = DType::kF32;
  Shape shape;
};

/// One thread at a time.
class StoredWeights {
 public:
  virtual ~StoredWeights() = default;

  /// Names without the scope of the model's class and without ":0", as stored_name_of_full_name (variable_names.h)
  /// makes them: "bert/pooler/dense/kernel".
  const std::map<std::string, StoredTensor>& tensors() const { return tensors_; }

  /// All elements, row-major, as float32. Throws Error(kBadInput) when there is no such variable, when `out` has
  /// another number of elements, and when the file is corrupt.
  void read(const std::string& name, std::span<float> out) const;
  /// The elements [first, first + out.size()).
  void read(const std::string& name, std::int64_t first, std::span<float> out) const;

 protected:
  /// What begins the errors.
  explicit StoredWeights(std::string where) : where_(std::move(where)) {}

  /// Throws Error(kBadInput) when the name is known already.
  void add(const std::string& name, const StoredTensor& tensor);

 private:
  /// The range is inside the tensor and not empty.
  virtual void read_range(const std::string& name, std::int64_t first, std::span<float> out) const = 0;

  std::string where_;
  std::map<std::string, StoredTensor> tensors_;
};

/// tf_model.h5, or the shards of tf_model.h5.index.json.
std::unique_ptr<StoredWeights> open_h5_weights(const std::filesystem::path& folder);

/// model.safetensors with the metadata "format": "tf", or the shards of model.safetensors.index.json.
std::unique_ptr<StoredWeights> open_safetensors_weights(const std::filesystem::path& folder);

/// The TensorBundle `prefix`.index and `prefix`.data-*, such as "saved_model/variables/variables". Names come from the
/// object graph that it holds: the floating variables' full names.
std::unique_ptr<StoredWeights> open_bundle_weights(const std::filesystem::path& prefix);

}  // namespace crossload::exporting

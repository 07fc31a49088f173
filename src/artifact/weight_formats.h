// Writing a model's weights in every format, and opening them again.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "crossload/convert.h"
#include "export/stored_weights.h"
#include "keras/model.h"
#include "keras/weights.h"
#include "tf/library.h"

namespace crossload {

struct ModelToWrite {
  const std::string& class_name;  // "TFBertModel"
  const keras::Model& model;
  const keras::Weights& weights;
};

/// Writes tf_model.h5, model.safetensors and saved_model/ as wanted into the folder; says which one before each. Only
/// the SavedModel needs TensorFlow.
void write_weights(const ModelToWrite& written, const std::set<Format>& formats, std::int64_t max_shard_size,
                   const std::shared_ptr<const tf::Library>& library, const std::filesystem::path& folder,
                   const std::function<void(const std::string& what)>& say);

/// What write_weights wrote, opened to be read back, by the format's name ("saved_model", "h5", "safetensors").
std::vector<std::pair<std::string, std::unique_ptr<StoredWeights>>> open_written(const std::set<Format>& formats,
                                                                                 const std::filesystem::path& folder);

/// A variable of which so many elements are NaN or infinite.
struct NotFinite {
  std::string variable;
  std::int64_t elements = 0;
  std::int64_t of = 0;
};

/// Every variable of an artifact must be, bit by bit, what the checkpoint says. Throws Error(kEnvironment). Returns
/// those that are not finite.
std::vector<NotFinite> check_read_back(const keras::Weights& weights, const StoredWeights& stored,
                                       const std::string& format);

}  // namespace crossload

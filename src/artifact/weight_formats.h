// Writing a model's weights in every format, and opening them again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "crossload/format.h"
#include "export/stored_weights.h"
#include "keras/model.h"
#include "keras/weights.h"
#include "tf/library.h"

namespace crossload::artifact {

struct ModelToWrite {
  const std::string& class_name;  // "TFBertModel"
  const keras::Model& model;
  const keras::Weights& weights;
};

/// "tf_model.h5", "model.safetensors", "saved_model", "model.tflite"
std::string written_name(Format format);

/// Writes one format but litert into the folder, in shards where it is larger than `max_shard_size`. Only the SavedModel needs
/// TensorFlow; for others `library` may be null.
void write_weights(const ModelToWrite& written, Format format, std::int64_t max_shard_size,
                   const std::shared_ptr<const tf::Library>& library, const std::filesystem::path& folder);

/// What write_weights wrote of these, opened to be read back, by the format's name; the one that is read fastest first.
std::vector<std::pair<std::string, std::unique_ptr<exporting::StoredWeights>>> open_written(
    const std::set<Format>& formats, const std::filesystem::path& folder);

/// A variable of which so many elements are NaN or infinite.
struct NotFinite {
  std::string variable;
  std::int64_t elements = 0;
  std::int64_t of = 0;
};

/// Every variable of an artifact must be, bit by bit, what the checkpoint says. Throws Error(kEnvironment). Returns
/// those that are not finite.
std::vector<NotFinite> check_read_back(const keras::Weights& weights, const exporting::StoredWeights& stored,
                                       const std::string& format);

}  // namespace crossload::artifact

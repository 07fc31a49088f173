#include "artifact/weight_formats.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "crossload/error.h"
#include "export/class_scope.h"
#include "export/h5_writer.h"
#include "export/safetensors_writer.h"
#include "export/saved_model.h"
#include "export/weights.h"

namespace crossload {

void write_weights(const ModelToWrite& written, const std::set<Format>& formats, std::int64_t max_shard_size,
                   const std::shared_ptr<const tf::Library>& library, const std::filesystem::path& folder,
                   const std::function<void(const std::string&)>& say) {
  const std::string scope = class_scope(written.class_name);
  const std::vector<keras::TopLayer> layers = written.weights.top_layers();
  const auto announce = [&](const char* what) {
    if (say) say(std::string("writing ") + what);
  };
  if (formats.contains(Format::kH5)) {
    announce("tf_model.h5");
    write_h5(folder, scope, layers, max_shard_size);
  }
  if (formats.contains(Format::kSafetensors)) {
    announce("model.safetensors");
    write_tf_safetensors(folder, scope, layers, max_shard_size);
  }
  if (formats.contains(Format::kSavedModel)) {
    announce("saved_model");
    write_saved_model(folder / "saved_model", library, written.model, written.weights, scope);
  }
}

std::vector<std::pair<std::string, std::unique_ptr<StoredWeights>>> open_written(const std::set<Format>& formats,
                                                                                 const std::filesystem::path& folder) {
  std::vector<std::pair<std::string, std::unique_ptr<StoredWeights>>> stored;
  if (formats.contains(Format::kSavedModel)) {
    stored.emplace_back("saved_model", open_bundle_weights(folder / "saved_model" / "variables" / "variables"));
  }
  if (formats.contains(Format::kH5)) stored.emplace_back("h5", open_h5_weights(folder));
  if (formats.contains(Format::kSafetensors)) stored.emplace_back("safetensors", open_safetensors_weights(folder));
  return stored;
}

std::vector<NotFinite> check_read_back(const keras::Weights& weights, const StoredWeights& stored,
                                       const std::string& format) {
  std::vector<NotFinite> found;
  std::vector<float> written;
  for (const keras::Variable& variable : weights.variables()) {
    std::int64_t at = 0;
    std::int64_t not_finite = 0;
    stream_float32(variable, [&](std::span<const float> expected) {  // a piece at a time
      written.resize(expected.size());
      stored.read(stored_name(variable), at, written);
      if (std::memcmp(written.data(), expected.data(), expected.size_bytes()) != 0) {
        throw Error(ErrorKind::kEnvironment, format + ": the variable " + variable.name +
                                                 " reads back with other values than were written; is the disk sound?");
      }
      at += static_cast<std::int64_t>(expected.size());
      not_finite += std::count_if(expected.begin(), expected.end(), [](float value) { return !std::isfinite(value); });
    });
    if (not_finite > 0) found.push_back({variable.name, not_finite, at});
  }
  if (stored.tensors().size() != weights.variables().size()) {
    throw Error(ErrorKind::kEnvironment, format + ": has " + std::to_string(stored.tensors().size()) +
                                             " variables, wanted " + std::to_string(weights.variables().size()));
  }
  return found;
}

}  // namespace crossload

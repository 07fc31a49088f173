#include "artifact/weight_formats.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "artifact/artifact_folder.h"
#include "checkpoint/weight_files.h"
#include "crossload/error.h"
#include "export/class_scope.h"
#include "export/h5_writer.h"
#include "export/safetensors_writer.h"
#include "export/saved_model.h"
#include "export/weights.h"

namespace crossload::artifact {

std::string written_name(Format format) {
  switch (format) {
    case Format::kH5:
      return checkpoint::kH5Weights;
    case Format::kSafetensors:
      return checkpoint::kSafetensorsWeights;
    case Format::kSavedModel:
      return kSavedModelFolder;
    case Format::kLitert:
      return kLitertFile;
  }
  return "";
}

void write_weights(const ModelToWrite& written, Format format, std::int64_t max_shard_size,
                   const std::shared_ptr<const tf::Library>& library, const std::filesystem::path& folder) {
  const std::string scope = exporting::class_scope(written.class_name);
  switch (format) {
    case Format::kH5:
      exporting::write_h5(folder, scope, written.weights.top_layers(), max_shard_size);
      break;
    case Format::kSafetensors:
      exporting::write_tf_safetensors(folder, scope, written.weights.top_layers(), max_shard_size);
      break;
    case Format::kSavedModel:
      exporting::write_saved_model(folder / kSavedModelFolder, library, written.model, written.weights, scope);
      break;
    case Format::kLitert:  // TensorFlow's converter makes it of a SavedModel
      throw Error(ErrorKind::kUsage, "litert: is not written from weights; convert a checkpoint with --formats litert");
  }
}

std::vector<std::pair<std::string, std::unique_ptr<exporting::StoredWeights>>> open_written(
    const std::set<Format>& formats, const std::filesystem::path& folder) {
  std::vector<std::pair<std::string, std::unique_ptr<exporting::StoredWeights>>> stored;
  const auto add = [&](Format format, const auto& open) {
    if (formats.contains(format)) stored.emplace_back(name_of(format), open());
  };
  add(Format::kSavedModel,
      [&] { return exporting::open_bundle_weights(folder / kSavedModelFolder / "variables" / "variables"); });
  add(Format::kH5, [&] { return exporting::open_h5_weights(folder); });
  add(Format::kSafetensors, [&] { return exporting::open_safetensors_weights(folder); });
  return stored;
}

std::vector<NotFinite> check_read_back(const keras::Weights& weights, const exporting::StoredWeights& stored,
                                       const std::string& format) {
  std::vector<NotFinite> found;
  std::vector<float> written;
  for (const keras::Variable& variable : weights.variables()) {
    std::int64_t at = 0;
    std::int64_t not_finite = 0;
    exporting::stream_float32(variable, [&](std::span<const float> expected) {  // a piece at a time
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

}  // namespace crossload::artifact

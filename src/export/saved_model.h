// A TensorFlow 2 SavedModel, written.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "keras/model.h"
#include "keras/weights.h"
#include "tf/library.h"

namespace crossload::exporting {

/// Writes `folder`/saved_model.pb and `folder`/variables/, see saved_model_proto.h for what is in them. The variables
/// are streamed. Throws Error(kEnvironment) when the disk does not take them.
void write_saved_model(const std::filesystem::path& folder, const std::shared_ptr<const tf::Library>& library,
                       const keras::Model& model, const keras::Weights& weights, const std::string& scope);

}  // namespace crossload::exporting

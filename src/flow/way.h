// How a model gets into TensorFlow: by a class of src/models/, or traced.
#pragma once

#include <string>

#include "checkpoint/checkpoint.h"
#include "crossload/convert.h"

namespace crossload::flow {

struct Way {
  bool traced = false;
  /// Why there is no class, where the settings do not ask for a trace.
  std::string no_class = {};
};

/// Traced where the settings say so, or where there is no class for the checkpoint and they do not ask for one.
Way choose_way(const checkpoint::Checkpoint& checkpoint, const RunSettings& settings);

/// What can be done of what is asked: a traced model has no class in Transformers 4, which alone reads h5 and
/// safetensors, and is a SavedModel. Throws Error(kUnsupported) when nothing is left.
ConvertOptions possible(const ConvertOptions& options, const Way& way);

}  // namespace crossload::flow

// How a model gets into TensorFlow: by a class of src/models/, or traced.
#pragma once

#include <memory>

#include "checkpoint/checkpoint.h"
#include "crossload/convert.h"
#include "flow/reference_trace.h"

namespace crossload::flow {

/// True where the settings say so, or where there is no class for the checkpoint and they do not ask for one.
bool is_traced(const checkpoint::Checkpoint& checkpoint, const RunSettings& settings);

/// What can be done of what is asked: a traced model has no class in Transformers 4, which alone reads h5 and
/// safetensors, and is a SavedModel. Throws Error(kUnsupported) when nothing is left.
ConvertOptions possible(const ConvertOptions& options, bool traced);

}  // namespace crossload::flow

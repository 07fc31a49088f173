// Variables in half precision: whether they hold what the checkpoint does, and the reference for those that do not.
#pragma once

#include <cstddef>
#include <set>
#include <string>

#include "crossload/format.h"
#include "export/stored_weights.h"
#include "keras/weights.h"
#include "verify/trace.h"

namespace crossload::flow {

/// Throws Error(kUsage) for a format that cannot hold the type.
void require_formats_hold(DType dtype, const std::set<Format>& formats);

/// How many variables hold other numbers than the checkpoint, because their type has not all its digits. Throws
/// Error(kUsage) for one that the type has no number near to.
std::size_t count_rounded(const keras::Weights& weights);

/// What an artifact's variables are in, where all are the same half precision; else float32.
DType common_dtype(const exporting::StoredWeights& stored);

/// The weights for the reference, see verify::ReferenceOptions: none where nothing was rounded.
std::string reference_weights(DType dtype, std::size_t rounded);

/// Throws Error(kUsage) for a trace of other weights.
void require_weights(const verify::Trace& trace, const std::string& weights);

}  // namespace crossload::flow

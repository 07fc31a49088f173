// SpecAugment: random spans of features that a model does not see in training.
#pragma once

#include <cstdint>
#include <string>

#include "keras/words.h"
#include "tf/ops.h"

namespace crossload::keras {

/// How much is masked, by the fields mask_<axis>_prob, mask_<axis>_length and mask_<axis>_min_masks.
struct SpanOptions {
  /// `axis` is "time" or "feature". Throws Error(kBadInput) for a length below 1 or a negative number of spans.
  SpanOptions(const Config& config, const std::string& axis, double default_prob, std::int64_t default_min_masks);

  double prob;             // the part of a row that the spans would cover without overlaps
  std::int64_t length;     // of a span
  std::int64_t min_masks;  // at least so many spans a row
};

/// float32 [rows, size]: 1 in random spans, 0 elsewhere, new at each run. `lengths`, int32 [rows, 1], says how much of
/// each row there is; a span begins and ends in it. A row's spans begin at different positions and may overlap; there
/// are prob * length of the row / length of a span of them, rounded up or down at random. Rows that are too short for a
/// span get none, where PyTorch raises an error.
/// Source: _compute_mask_indices, transformers/models/wav2vec2/modeling_wav2vec2.py.
tf::Tensor random_spans(const tf::Tensor& lengths, const tf::Dim& size, const SpanOptions& options);

}  // namespace crossload::keras

// What keeping the variables in half precision costs.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "crossload/dtype.h"
#include "verify/trace.h"

namespace crossload::verify {

/// How far an output of PyTorch with rounded weights is from the same with the checkpoint's own, at positions that the
/// mask keeps.
struct OutputCost {
  std::string name;
  double worst = 0;
  double mean = 0;
  /// Of logits: how often the largest along the last dimension was looked for, and was another.
  std::size_t choices = 0;
  std::size_t changed = 0;
};

struct PrecisionCost {
  DType dtype = DType::kF32;
  std::size_t rounded = 0;  // variables that hold other numbers than the checkpoint
  std::size_t variables = 0;
  std::vector<OutputCost> outputs;  // none where nothing was rounded, or nothing was verified
};

/// Of a trace that has both, see `weights` in verify/reference.h; hidden states and attentions are left out.
std::vector<OutputCost> output_costs(const Trace& trace);

/// A sentence; none where nothing was rounded.
std::optional<std::string> describe(const PrecisionCost& cost);

}  // namespace crossload::verify

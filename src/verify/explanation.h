// What is known about a stage that diverges besides its numbers: where it stands in our sources, and why it may be off.
#pragma once

#include <string>

#include "keras/weights.h"
#include "verify/hints.h"
#include "verify/runner.h"
#include "verify/trace.h"

namespace crossload::verify {

struct Explanation {
  std::string tensorflow_class = {};   // "TFBertSelfAttention", "Dense"
  std::string tensorflow_source = {};  // "src/models/modeling_tf_bert.cc:92"
  // The module whose `call` calls it, where the stage is a layer that all architectures share: its place says more.
  std::string caller_class = {};
  std::string caller_source = {};
  std::string hint = {};  // see hints.h; empty when no pattern holds

  /// "Dense, src/keras/layers.cc:25, called by TFBertSelfAttention, src/models/modeling_tf_bert.cc:92"
  std::string place() const;
};

/// Of a stage of an observation, by its index. `weights` may be null, then the hints that need them are not found.
Explanation explain(const Trace& trace, const Observation& observation, std::size_t observed,
                    const keras::Weights* weights, bool with_hint = true);

/// What the numbers of an output say that is off while no module is.
std::string hint_of_output(const Trace& trace, const Observation& observation, const std::string& name);

/// The stage of the module whose `call` calls this one; null for the model itself.
const ObservedStage* caller_of(const Observation& observation, std::size_t observed);

}  // namespace crossload::verify

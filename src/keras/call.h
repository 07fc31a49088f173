// How a model is called.
#pragma once

namespace crossload::keras {

/// What a call of a model is to do besides its outputs. Layers pass it on to those they call, unchanged.
struct Call {
  bool training = false;
  bool output_attentions = false;
  bool output_hidden_states = false;
  /// What every module returns is looked at. Classes make stages of it whatever this says; a traced program has modules
  /// whose results nothing else needs, and leaves those out of a graph that is to be delivered.
  bool stages = false;
};

}  // namespace crossload::keras

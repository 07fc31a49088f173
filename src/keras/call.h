// How a model is called.
#pragma once

namespace crossload::keras {

/// What a call of a model is to do besides its outputs. Layers pass it on to those they call, unchanged.
struct Call {
  bool training = false;
  bool output_attentions = false;
  bool output_hidden_states = false;
};

}  // namespace crossload::keras

// The attention of BART under its member names (q_proj, k_proj, v_proj, out_proj), which CLIP, Wav2Vec2 and others have
// too.
#pragma once

#include <tuple>

#include "keras/keras.h"

namespace crossload::blocks {

using namespace keras;  // NOLINT: blocks are written in the vocabulary of keras

class TFBartAttention : public Module<TFBartAttention> {
 public:
  /// The heads side by side are as wide as the hidden states.
  TFBartAttention(const Scope& scope, const Heads& sizes, double dropout_rate);
  /// Attends to key_value_states, or to hidden_states [batch, queries, hidden] themselves -> the same shape, and the
  /// probabilities [batch, heads, queries, keys]
  std::tuple<Tensor, Tensor> call(const Tensor& hidden_states, const MaybeTensor& key_value_states,
                                  const MaybeTensor& attention_mask, const Call& call) const;

  const Heads heads;
  const Dense k_proj;
  const Dense v_proj;
  const Dense q_proj;
  const Dense out_proj;

 private:
  const double dropout_;
};

}  // namespace crossload::blocks

#include "blocks/bart_block.h"

namespace crossload::blocks {

TFBartAttention::TFBartAttention(const Scope& scope, const Heads& sizes, double dropout_rate)
    : Module(scope),
      heads(sizes),
      k_proj(scope / "k_proj", heads.width(), heads.width()),
      v_proj(scope / "v_proj", heads.width(), heads.width()),
      q_proj(scope / "q_proj", heads.width(), heads.width()),
      out_proj(scope / "out_proj", heads.width(), heads.width()),
      dropout_(dropout_rate) {}

std::tuple<Tensor, Tensor> TFBartAttention::call(const Tensor& hidden_states, const MaybeTensor& key_value_states,
                                                 const MaybeTensor& attention_mask, const Call& call) const {
  const Tensor& current_states = key_value_states ? *key_value_states : hidden_states;
  const Tensor query_states = split_heads(q_proj(hidden_states), heads);
  const Tensor key_states = split_heads(k_proj(current_states), heads);
  const Tensor value_states = split_heads(v_proj(current_states), heads);

  const Tensor scores = attention_scores(query_states, key_states) * (1.0 / heads.root());
  const Tensor weights = dropout(tf::softmax(masked(scores, attention_mask)), dropout_, call);
  return {out_proj(attend(weights, value_states)), weights};
}

}  // namespace crossload::blocks

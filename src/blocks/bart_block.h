// The layers of BART under its member names (q_proj, fc1, final_layer_norm), which Whisper, and in parts CLIP, Wav2Vec2
// and others have too.
#pragma once

#include <string>
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

/// Whether a layer normalizes what each of its parts takes, or the sum of that and what the part makes of it.
enum class Norm { kFirst, kLast };

/// x and what a part of a layer makes of it, added and normalized.
template <class Part>
Tensor with_residual(const Tensor& x, const LayerNormalization& norm, Norm order, const Part& part) {
  return order == Norm::kFirst ? residual(part(norm(x)), x) : norm(residual(part(x), x));
}

struct BartSizes {
  Heads heads;
  std::int64_t intermediate;
  std::string act;
  double dropout;
  double attention_dropout;
  double activation_dropout;
  Norm norm;
  double eps = 1e-5;  // PyTorch's default, not configured
};

/// `Attention` is made of (scope, heads, dropout rate) and called as TFBartAttention is.
template <class Attention>
class TFBartEncoderLayer : public Module<TFBartEncoderLayer<Attention>> {
 public:
  TFBartEncoderLayer(const Scope& scope, const BartSizes& sizes)
      : Module<TFBartEncoderLayer>(scope),
        self_attn(scope / "self_attn", sizes.heads, sizes.attention_dropout),
        self_attn_layer_norm(scope / "self_attn_layer_norm", sizes.heads.width(), sizes.eps),
        activation_fn(scope / "activation_fn", sizes.act),
        fc1(scope / "fc1", sizes.heads.width(), sizes.intermediate),
        fc2(scope / "fc2", sizes.intermediate, sizes.heads.width()),
        final_layer_norm(scope / "final_layer_norm", sizes.heads.width(), sizes.eps),
        norm_(sizes.norm),
        dropout_(sizes.dropout),
        activation_dropout_(sizes.activation_dropout) {}

  LayerOutput call(Tensor x, const MaybeTensor& attention_mask, const Call& call) const {
    MaybeTensor weights;
    x = with_residual(x, self_attn_layer_norm, norm_, [&](const Tensor& query) {
      const auto [attended, probabilities] = self_attn(query, MaybeTensor(), attention_mask, call);
      weights = probabilities;
      return dropout(attended, dropout_, call);
    });
    x = with_residual(x, final_layer_norm, norm_, [&](const Tensor& states) {
      const Tensor inner = dropout(activation_fn(fc1(states)), activation_dropout_, call);
      return dropout(fc2(inner), dropout_, call);
    });
    return {x, weights};
  }

  const Attention self_attn;
  const LayerNormalization self_attn_layer_norm;
  const Activation activation_fn;
  const Dense fc1;
  const Dense fc2;
  const LayerNormalization final_layer_norm;

 private:
  const Norm norm_;
  const double dropout_;
  const double activation_dropout_;
};

/// The same, which also attends to what an encoder returned.
template <class Attention>
class TFBartDecoderLayer : public Module<TFBartDecoderLayer<Attention>> {
 public:
  TFBartDecoderLayer(const Scope& scope, const BartSizes& sizes)
      : Module<TFBartDecoderLayer>(scope),
        self_attn(scope / "self_attn", sizes.heads, sizes.attention_dropout),
        activation_fn(scope / "activation_fn", sizes.act),
        self_attn_layer_norm(scope / "self_attn_layer_norm", sizes.heads.width(), sizes.eps),
        encoder_attn(scope / "encoder_attn", sizes.heads, sizes.attention_dropout),
        encoder_attn_layer_norm(scope / "encoder_attn_layer_norm", sizes.heads.width(), sizes.eps),
        fc1(scope / "fc1", sizes.heads.width(), sizes.intermediate),
        fc2(scope / "fc2", sizes.intermediate, sizes.heads.width()),
        final_layer_norm(scope / "final_layer_norm", sizes.heads.width(), sizes.eps),
        norm_(sizes.norm),
        dropout_(sizes.dropout),
        activation_dropout_(sizes.activation_dropout) {}

  LayerOutput call(Tensor x, const Memory& memory, const Call& call) const {
    MaybeTensor weights;
    MaybeTensor cross_weights;
    x = with_residual(x, self_attn_layer_norm, norm_, [&](const Tensor& query) {
      const auto [attended, probabilities] = self_attn(query, MaybeTensor(), memory.attention_mask, call);
      weights = probabilities;
      return dropout(attended, dropout_, call);
    });
    x = with_residual(x, encoder_attn_layer_norm, norm_, [&](const Tensor& query) {
      const auto [recalled, probabilities] =
          encoder_attn(query, memory.encoder_hidden_states, memory.encoder_attention_mask, call);
      cross_weights = probabilities;
      return dropout(recalled, dropout_, call);
    });
    x = with_residual(x, final_layer_norm, norm_, [&](const Tensor& states) {
      const Tensor inner = dropout(activation_fn(fc1(states)), activation_dropout_, call);
      return dropout(fc2(inner), dropout_, call);
    });
    return {x, weights, cross_weights};
  }

  const Attention self_attn;
  const Activation activation_fn;
  const LayerNormalization self_attn_layer_norm;
  const Attention encoder_attn;
  const LayerNormalization encoder_attn_layer_norm;
  const Dense fc1;
  const Dense fc2;
  const LayerNormalization final_layer_norm;

 private:
  const Norm norm_;
  const double dropout_;
  const double activation_dropout_;
};

}  // namespace crossload::blocks

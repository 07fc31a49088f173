// What sentence-transformers puts after a transformer to make one embedding of a text, as
// sentence_transformers/sentence_transformer/modules/ and base/modules/dense.py of 5.7 have it.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "keras/keras.h"

namespace crossload::blocks {

using namespace keras;  // NOLINT: blocks are written in the vocabulary of keras

class SentencePooling : public Module<SentencePooling> {
 public:
  /// In this order side by side: cls, max, mean, mean_sqrt_len_tokens, weightedmean, lasttoken. Throws
  /// Error(kUnsupported) for another, which `where` begins.
  SentencePooling(const Scope& scope, std::vector<std::string> modes, const std::string& where);
  static const std::vector<std::string>& known_modes();
  /// [batch, length, features] and a mask int32 [batch, length] -> [batch, modes * features]
  Tensor call(const Tensor& token_embeddings, const Tensor& attention_mask) const;

 private:
  const std::vector<std::string> modes_;
};

class SentenceDense : public Module<SentenceDense> {
 public:
  SentenceDense(const Scope& scope, std::int64_t in_features, std::int64_t out_features, bool bias,
                const std::string& activation)
      : Module(scope),
        linear(scope / "linear", in_features, out_features, bias),
        activation_function(scope / "activation_function", activation) {}
  Tensor call(const Tensor& embedding) const { return activation_function(linear(embedding)); }

  const Dense linear;
  const Activation activation_function;
};

class SentenceLayerNorm : public Module<SentenceLayerNorm> {
 public:
  SentenceLayerNorm(const Scope& scope, std::int64_t features)
      : Module(scope), norm(scope / "norm", features, /*epsilon=*/1e-5) {}
  Tensor call(const Tensor& embedding) const { return norm(embedding); }

  const LayerNormalization norm;
};

class SentenceNormalize : public Module<SentenceNormalize> {
 public:
  explicit SentenceNormalize(const Scope& scope) : Module(scope) {}
  /// To length 1.
  Tensor call(const Tensor& embedding) const;
};

/// A transformer and what follows: all that it returns, and sentence_embedding [batch, features], which a signature of
/// its own serves.
class SentenceTransformer : public Model {
 public:
  static constexpr const char* kOutput = "sentence_embedding";
  using Step = std::variant<SentenceDense, SentenceLayerNorm, SentenceNormalize>;

  SentenceTransformer(std::unique_ptr<Model> transformer, SentencePooling pooling, std::vector<Step> steps);
  ModelOutput call(const ModelInputs& inputs, const Call& call) const override;

 private:
  const std::unique_ptr<Model> transformer_;
  const SentencePooling pooling_;
  const std::vector<Step> steps_;
};

}  // namespace crossload::blocks

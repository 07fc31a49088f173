// Layers as Keras has them, bound from the parameters of PyTorch's. What differs between the frameworks is said at each
// layer and handled here, so that architectures need not know.
#pragma once

#include <cstdint>
#include <optional>

#include "keras/call.h"
#include "keras/module.h"
#include "tf/ops.h"

namespace crossload::keras {

/// y = x W + b over the last dimension. PyTorch's Linear stores weight [out, in] and multiplies by its transpose;
/// Keras' kernel is [in, out].
class Dense : public Module<Dense> {
 public:
  Dense(const Scope& scope, std::int64_t in_features, std::int64_t out_features, bool bias = true);
  /// [..., in] -> [..., out]
  tf::Tensor call(const tf::Tensor& x) const;

 private:
  const Variable& kernel_;
  const Variable* bias_;
};

/// Rows of a table. PyTorch's padding_idx changes gradients alone, so it plays no part here. The leaf is `embeddings`
/// in Keras; v4's models call it `weight` for word embeddings that they hold themselves.
class Embedding : public Module<Embedding> {
 public:
  Embedding(const Scope& scope, std::int64_t rows, std::int64_t features, const std::string& leaf = "embeddings");
  /// A module of its own with the table of another: the word embeddings of encoder and decoder.
  Embedding(const Scope& scope, const Variable& table) : Module(scope), table_(table) {}
  /// int32 [...] -> [..., features]
  tf::Tensor call(const tf::Tensor& ids) const;
  const Variable& table() const { return table_; }

 private:
  const Variable& table_;
};

/// The output projection of a language model: y = x E^T + b. E is the table of the word embeddings when they are tied
/// (PyTorch's decoder.weight is then the same parameter), or a table of its own. b belongs to the layer around it, and
/// may be absent.
class LanguageModelDecoder : public Module<LanguageModelDecoder> {
 public:
  LanguageModelDecoder(const Scope& scope, const Embedding& word_embeddings, const Variable& bias, bool tied);
  LanguageModelDecoder(const Scope& scope, const Embedding& word_embeddings, bool tied);
  /// [batch, length, features] -> [batch, length, vocabulary]
  tf::Tensor call(const tf::Tensor& x) const;

 private:
  const Variable& table_;
  const Variable* bias_;
};

/// The names of the bias of that layer around it, the one that counts first. Where nothing is tied, Transformers 5
/// saves two and adds the decoder's; in Transformers 4 they are one and the same.
std::vector<std::string> head_bias_keys(bool tied);

/// (x - mean) / sqrt(variance + epsilon) * gamma + beta over the last dimension, with the biased variance, as PyTorch
/// computes it. Keras' default epsilon (1e-3) is not PyTorch's (1e-5): it is always given.
class LayerNormalization : public Module<LayerNormalization> {
 public:
  LayerNormalization(const Scope& scope, std::int64_t features, double epsilon);
  tf::Tensor call(const tf::Tensor& x) const;

 private:
  double epsilon_;
  const Variable& gamma_;
  const Variable& beta_;
};

/// Zeroes elements with probability `rate` and scales the rest by 1 / (1 - rate), in training only. The function is
/// PyTorch's nn.functional.dropout, which is no module and so no stage.
tf::Tensor dropout(const tf::Tensor& x, double rate, const Call& call);

/// The same as a module.
class Dropout : public Module<Dropout> {
 public:
  Dropout(const Scope& scope, double rate) : Module(scope), rate_(rate) {}
  tf::Tensor call(const tf::Tensor& x, const Call& call) const { return dropout(x, rate_, call); }

 private:
  double rate_;
};

}  // namespace crossload::keras

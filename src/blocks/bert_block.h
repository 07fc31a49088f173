// The layers of BERT under BERT's member names, which RoBERTa, ELECTRA, DeBERTa and many others have too. They take
// sizes, never a configuration: an architecture whose layers differ in a line writes its own class.
#pragma once

#include <string>
#include <tuple>
#include <vector>

#include "keras/keras.h"

namespace crossload::blocks {

using namespace keras;  // NOLINT: blocks are written in the vocabulary of keras

/// What BERT's configuration says of its layers; the values are BertConfig's defaults.
struct BertSizes {
  std::int64_t vocab = 30522;
  std::int64_t types = 2;  // of tokens
  std::int64_t positions = 512;
  std::int64_t padding_idx = -1;  // positions are counted from the one after it, as RoBERTa's are
  std::int64_t embedding = 0;     // the embeddings' width, that of the hidden states when it is 0
  std::int64_t hidden = 768;
  std::int64_t layers = 12;
  std::int64_t heads = 12;
  std::int64_t intermediate = 3072;
  double eps = 1e-12;
  double dropout = 0.1;
  double attention_dropout = 0.1;
  std::string act = "gelu";
  /// absolute, relative_key or relative_key_query
  std::string position_embedding_type = "absolute";
  bool is_decoder = false;
  bool cross_attention = false;
  bool tied = true;  // the output projection is the table of the word embeddings
};

/// BERT's fields of config.json, those of `defaults` where they are absent. `embedding` is the hidden size unless
/// `defaults` has it. Throws Error(kBadInput) for a cross-attention without a decoder and for heads that do not divide
/// the hidden size, Error(kUnsupported) for an unknown position_embedding_type.
BertSizes bert_sizes(const Config& config, const BertSizes& defaults = {});

/// What a model with these layers takes; a decoder also what an encoder returned.
Interface bert_interface(const BertSizes& sizes, std::size_t rank);

/// Words, token types and, where positions are absolute, positions, normalized.
class TFBertEmbeddings : public Module<TFBertEmbeddings> {
 public:
  TFBertEmbeddings(const Scope& scope, const BertSizes& sizes);
  /// ids [batch, length] -> [batch, length, embedding]
  Tensor call(const ModelInputs& inputs, const Call& call) const;

  const Embedding word_embeddings;
  const Embedding token_type_embeddings;
  const Embedding position_embeddings;
  const LayerNormalization LayerNorm;
  const Dropout dropout;

 private:
  const bool absolute_;
  const std::int64_t padding_idx_;
};

/// The embeddings of the distances between queries and keys, where positions are relative.
class DistanceEmbedding : public Embedding {
 public:
  DistanceEmbedding(const Scope& scope, const BertSizes& sizes);
  /// How much each query [batch, heads, queries, size], and for relative_key_query each key, fits the distance between
  /// the two -> [batch, heads, queries, keys]
  Tensor scores(const Tensor& query, const Tensor& key) const;

 private:
  const std::int64_t positions_;
  const bool of_keys_;
};

class TFBertSelfAttention : public Module<TFBertSelfAttention> {
 public:
  TFBertSelfAttention(const Scope& scope, const BertSizes& sizes);
  /// Attends to encoder_hidden_states, or to hidden_states [batch, queries, hidden] themselves -> the context of the
  /// same shape, and the probabilities [batch, heads, queries, keys]
  std::tuple<Tensor, Tensor> call(const Tensor& hidden_states, const MaybeTensor& attention_mask,
                                  const MaybeTensor& encoder_hidden_states, const Call& call) const;

  const Heads heads;
  const Dense query;
  const Dense key;
  const Dense value;
  const Dropout dropout;
  const std::optional<DistanceEmbedding> distance_embedding;
};

class TFBertSelfOutput : public Module<TFBertSelfOutput> {
 public:
  TFBertSelfOutput(const Scope& scope, const BertSizes& sizes);
  Tensor call(const Tensor& hidden_states, const Tensor& input_tensor, const Call& call) const;

  const Dense dense;
  const LayerNormalization LayerNorm;
  const Dropout dropout;
};

class TFBertAttention : public Module<TFBertAttention> {
 public:
  TFBertAttention(const Scope& scope, const BertSizes& sizes);
  std::tuple<Tensor, Tensor> call(const Tensor& hidden_states, const MaybeTensor& attention_mask,
                                  const MaybeTensor& encoder_hidden_states, const Call& call) const;

  const TFBertSelfAttention self;
  const TFBertSelfOutput output;
};

class TFBertIntermediate : public Module<TFBertIntermediate> {
 public:
  TFBertIntermediate(const Scope& scope, const BertSizes& sizes);
  Tensor call(const Tensor& hidden_states) const;

  const Dense dense;
  const Activation intermediate_act_fn;
};

class TFBertOutput : public Module<TFBertOutput> {
 public:
  TFBertOutput(const Scope& scope, const BertSizes& sizes);
  Tensor call(const Tensor& hidden_states, const Tensor& input_tensor, const Call& call) const;

  const Dense dense;
  const LayerNormalization LayerNorm;
  const Dropout dropout;
};

class TFBertLayer : public Module<TFBertLayer> {
 public:
  TFBertLayer(const Scope& scope, const BertSizes& sizes);
  LayerOutput call(const Tensor& hidden_states, const Memory& memory, const Call& call) const;

  const TFBertAttention attention;
  const std::optional<TFBertAttention> crossattention;
  const TFBertIntermediate intermediate;
  const TFBertOutput output;
};

class TFBertEncoder : public Module<TFBertEncoder> {
 public:
  TFBertEncoder(const Scope& scope, const BertSizes& sizes);
  /// See run_layers.
  ModelOutput call(const Tensor& hidden_states, const Memory& memory, const Call& call) const;

  const std::vector<TFBertLayer> layer;
};

class TFBertPooler : public Module<TFBertPooler> {
 public:
  TFBertPooler(const Scope& scope, const BertSizes& sizes);
  /// [batch, length, hidden] -> [batch, hidden], from the first token
  Tensor call(const Tensor& hidden_states) const;

  const Dense dense;
  const Activation activation;
};

/// last_hidden_state, pooler_output where there is a pooler, and what else the encoder returned.
ModelOutput with_pooler_output(const ModelOutput& encoder_outputs, const std::optional<TFBertPooler>& pooler);

class TFBertPredictionHeadTransform : public Module<TFBertPredictionHeadTransform> {
 public:
  TFBertPredictionHeadTransform(const Scope& scope, const BertSizes& sizes);
  /// [batch, length, hidden] -> [batch, length, embedding]
  Tensor call(const Tensor& hidden_states) const;

  const Dense dense;
  const Activation transform_act_fn;
  const LayerNormalization LayerNorm;
};

class TFBertLMPredictionHead : public Module<TFBertLMPredictionHead> {
 public:
  TFBertLMPredictionHead(const Scope& scope, const BertSizes& sizes, const Embedding& word_embeddings);
  /// [batch, length, hidden] -> [batch, length, vocabulary]
  Tensor call(const Tensor& hidden_states) const { return decoder(transform(hidden_states)); }

 private:
  const Variable& bias_;

 public:
  const TFBertPredictionHeadTransform transform;
  const LanguageModelDecoder decoder;
};

class TFBertMLMHead : public Module<TFBertMLMHead> {
 public:
  TFBertMLMHead(const Scope& scope, const BertSizes& sizes, const Embedding& word_embeddings)
      : Module(scope), predictions(scope / "predictions", sizes, word_embeddings) {}
  Tensor call(const Tensor& sequence_output) const { return predictions(sequence_output); }

  const TFBertLMPredictionHead predictions;
};

}  // namespace crossload::blocks

#include "blocks/bert_block.h"

namespace crossload::blocks {

BertSizes bert_sizes(const Config& config, const BertSizes& defaults) {
  BertSizes sizes = defaults;
  sizes.vocab = config.integer("vocab_size", defaults.vocab);
  sizes.types = config.integer("type_vocab_size", defaults.types);
  sizes.positions = config.integer("max_position_embeddings", defaults.positions);
  sizes.hidden = config.integer("hidden_size", defaults.hidden);
  if (sizes.embedding == 0) sizes.embedding = sizes.hidden;
  sizes.layers = config.integer("num_hidden_layers", defaults.layers);
  sizes.heads = config.integer("num_attention_heads", defaults.heads);
  sizes.intermediate = config.integer("intermediate_size", defaults.intermediate);
  sizes.eps = config.number("layer_norm_eps", defaults.eps);
  sizes.dropout = config.number("hidden_dropout_prob", defaults.dropout);
  sizes.attention_dropout = config.number("attention_probs_dropout_prob", defaults.attention_dropout);
  sizes.act = config.text("hidden_act", defaults.act);
  sizes.position_embedding_type = config.text("position_embedding_type", defaults.position_embedding_type);
  sizes.is_decoder = config.flag("is_decoder", defaults.is_decoder);
  sizes.cross_attention = config.flag("add_cross_attention", defaults.cross_attention);
  sizes.tied = config.flag("tie_word_embeddings", defaults.tied);
  if (sizes.cross_attention && !sizes.is_decoder) {
    throw Error(ErrorKind::kBadInput, "config.json: add_cross_attention needs is_decoder, which is false");
  }
  const std::string& type = sizes.position_embedding_type;
  if (type != "absolute" && type != "relative_key" && type != "relative_key_query") {
    throw Error(ErrorKind::kUnsupported,
                "config.json: position_embedding_type \"" + type +
                    "\" is not known; there are absolute, relative_key and relative_key_query");
  }
  return sizes;
}

Interface bert_interface(const BertSizes& sizes, std::size_t rank) {
  return text_interface({.rank = rank,
                         .embeds = sizes.embedding,
                         .encoder = sizes.is_decoder ? sizes.hidden : 0,
                         .attends_to_encoder = sizes.cross_attention});
}

namespace {

Heads heads_of(const BertSizes& sizes) { return {"hidden_size", sizes.hidden, "num_attention_heads", sizes.heads}; }

/// A layer attends to an encoder by absolute positions, whatever it does with its own.
BertSizes with_absolute_positions(BertSizes sizes) {
  sizes.position_embedding_type = "absolute";
  return sizes;
}

}  // namespace

TFBertEmbeddings::TFBertEmbeddings(const Scope& scope, const BertSizes& sizes)
    : Module(scope),
      word_embeddings(scope / "word_embeddings", sizes.vocab, sizes.embedding, "weight"),
      token_type_embeddings(scope / "token_type_embeddings", sizes.types, sizes.embedding),
      position_embeddings(scope / "position_embeddings", sizes.positions, sizes.embedding),
      LayerNorm(scope / "LayerNorm", sizes.embedding, sizes.eps),
      dropout(scope / "dropout", sizes.dropout),
      absolute_(sizes.position_embedding_type == "absolute"),
      padding_idx_(sizes.padding_idx) {}

Tensor TFBertEmbeddings::call(const ModelInputs& inputs, const Call& call) const {
  const Tensor words = embedded_words(inputs, word_embeddings);
  Tensor embeddings = words + token_type_embeddings(token_type_ids(inputs, words));
  if (absolute_)
    embeddings = embeddings + position_embeddings(padding_idx_ < 0 ? position_ids(inputs, words)
                                                                   : position_ids_after(padding_idx_, inputs, words));
  return dropout(LayerNorm(embeddings), call);
}

DistanceEmbedding::DistanceEmbedding(const Scope& scope, const BertSizes& sizes)
    : Embedding(scope, 2 * sizes.positions - 1, heads_of(sizes).size),
      positions_(sizes.positions),
      of_keys_(sizes.position_embedding_type == "relative_key_query") {}

Tensor DistanceEmbedding::scores(const Tensor& query, const Tensor& key) const {
  tf::Graph& graph = query.graph();
  const Tensor queries = tf::expand_dims(tf::range(graph, tf::dims_of(query)[2]), 1);
  const Tensor keys = tf::expand_dims(tf::range(graph, tf::dims_of(key)[2]), 0);
  const Tensor positions = (*this)(queries - keys + (positions_ - 1));  // [queries, keys, size]
  const Tensor of_query = tf::einsum("bhld,lrd->bhlr", query, positions);
  return of_keys_ ? of_query + tf::einsum("bhrd,lrd->bhlr", key, positions) : of_query;
}

TFBertSelfAttention::TFBertSelfAttention(const Scope& scope, const BertSizes& sizes)
    : Module(scope),
      heads(heads_of(sizes)),
      query(scope / "query", sizes.hidden, sizes.hidden),
      key(scope / "key", sizes.hidden, sizes.hidden),
      value(scope / "value", sizes.hidden, sizes.hidden),
      dropout(scope / "dropout", sizes.attention_dropout),
      distance_embedding(
          maybe<DistanceEmbedding>(sizes.position_embedding_type != "absolute", scope / "distance_embedding", sizes)) {}

std::tuple<Tensor, Tensor> TFBertSelfAttention::call(const Tensor& hidden_states, const MaybeTensor& attention_mask,
                                                     const MaybeTensor& encoder_hidden_states, const Call& call) const {
  const Tensor& current_states = encoder_hidden_states ? *encoder_hidden_states : hidden_states;
  const Tensor query_layer = split_heads(query(hidden_states), heads);
  const Tensor key_layer = split_heads(key(current_states), heads);
  const Tensor value_layer = split_heads(value(current_states), heads);

  Tensor scores = attention_scores(query_layer, key_layer);
  if (distance_embedding) scores = scores + distance_embedding->scores(query_layer, key_layer);
  const Tensor probabilities = dropout(tf::softmax(masked(scores / heads.root(), attention_mask)), call);
  return {attend(probabilities, value_layer), probabilities};
}

TFBertSelfOutput::TFBertSelfOutput(const Scope& scope, const BertSizes& sizes)
    : Module(scope),
      dense(scope / "dense", sizes.hidden, sizes.hidden),
      LayerNorm(scope / "LayerNorm", sizes.hidden, sizes.eps),
      dropout(scope / "dropout", sizes.dropout) {}

Tensor TFBertSelfOutput::call(const Tensor& hidden_states, const Tensor& input_tensor, const Call& call) const {
  return LayerNorm(residual(dropout(dense(hidden_states), call), input_tensor));
}

TFBertAttention::TFBertAttention(const Scope& scope, const BertSizes& sizes)
    : Module(scope), self(scope / "self", sizes), output(scope / "output", sizes) {}

std::tuple<Tensor, Tensor> TFBertAttention::call(const Tensor& hidden_states, const MaybeTensor& attention_mask,
                                                 const MaybeTensor& encoder_hidden_states, const Call& call) const {
  const auto [context, probabilities] = self(hidden_states, attention_mask, encoder_hidden_states, call);
  return {output(context, hidden_states, call), probabilities};
}

TFBertIntermediate::TFBertIntermediate(const Scope& scope, const BertSizes& sizes)
    : Module(scope),
      dense(scope / "dense", sizes.hidden, sizes.intermediate),
      intermediate_act_fn(scope / "intermediate_act_fn", sizes.act) {}

Tensor TFBertIntermediate::call(const Tensor& hidden_states) const { return intermediate_act_fn(dense(hidden_states)); }

TFBertOutput::TFBertOutput(const Scope& scope, const BertSizes& sizes)
    : Module(scope),
      dense(scope / "dense", sizes.intermediate, sizes.hidden),
      LayerNorm(scope / "LayerNorm", sizes.hidden, sizes.eps),
      dropout(scope / "dropout", sizes.dropout) {}

Tensor TFBertOutput::call(const Tensor& hidden_states, const Tensor& input_tensor, const Call& call) const {
  return LayerNorm(residual(dropout(dense(hidden_states), call), input_tensor));
}

TFBertLayer::TFBertLayer(const Scope& scope, const BertSizes& sizes)
    : Module(scope),
      attention(scope / "attention", sizes),
      crossattention(
          maybe<TFBertAttention>(sizes.cross_attention, scope / "crossattention", with_absolute_positions(sizes))),
      intermediate(scope / "intermediate", sizes),
      output(scope / "output", sizes) {}

LayerOutput TFBertLayer::call(const Tensor& hidden_states, const Memory& memory, const Call& call) const {
  auto [attended, probabilities] = attention(hidden_states, memory.attention_mask, MaybeTensor(), call);
  MaybeTensor cross_probabilities;
  if (memory.encoder_hidden_states) {
    if (!crossattention) {
      throw Error(ErrorKind::kUsage, "encoder_hidden_states need a model with add_cross_attention in config.json");
    }
    std::tie(attended, cross_probabilities) =
        (*crossattention)(attended, memory.encoder_attention_mask, memory.encoder_hidden_states, call);
  }
  return {output(intermediate(attended), attended, call), probabilities, cross_probabilities};
}

TFBertEncoder::TFBertEncoder(const Scope& scope, const BertSizes& sizes)
    : Module(scope), layer(layers_of<TFBertLayer>(scope / "layer", sizes.layers, sizes)) {}

ModelOutput TFBertEncoder::call(const Tensor& hidden_states, const Memory& memory, const Call& call) const {
  return run_layers(layer, hidden_states, call, [&](const TFBertLayer& layer_module, const Tensor& states) {
    return layer_module(states, memory, call);
  });
}

TFBertPooler::TFBertPooler(const Scope& scope, const BertSizes& sizes)
    : Module(scope), dense(scope / "dense", sizes.hidden, sizes.hidden), activation(scope / "activation", "tanh") {}

Tensor TFBertPooler::call(const Tensor& hidden_states) const {
  return activation(dense(tf::select(hidden_states, /*axis=*/1, /*index=*/0)));
}

ModelOutput with_pooler_output(const ModelOutput& encoder_outputs, const std::optional<TFBertPooler>& pooler) {
  const Tensor& sequence_output = encoder_outputs.at("last_hidden_state");
  ModelOutput outputs;
  outputs.add("last_hidden_state", sequence_output);
  if (pooler) outputs.add("pooler_output", (*pooler)(sequence_output));
  return outputs.add_from(encoder_outputs, {"hidden_states", "attentions", "cross_attentions"});
}

TFBertPredictionHeadTransform::TFBertPredictionHeadTransform(const Scope& scope, const BertSizes& sizes)
    : Module(scope),
      dense(scope / "dense", sizes.hidden, sizes.embedding),
      transform_act_fn(scope / "transform_act_fn", sizes.act),
      LayerNorm(scope / "LayerNorm", sizes.embedding, sizes.eps) {}

Tensor TFBertPredictionHeadTransform::call(const Tensor& hidden_states) const {
  return LayerNorm(transform_act_fn(dense(hidden_states)));
}

TFBertLMPredictionHead::TFBertLMPredictionHead(const Scope& scope, const BertSizes& sizes,
                                               const Embedding& word_embeddings)
    : Module(scope),
      bias_(scope.variable("bias", head_bias_keys(sizes.tied), {sizes.vocab})),
      transform(scope / "transform", sizes),
      decoder(scope / "decoder", word_embeddings, bias_, sizes.tied) {}

}  // namespace crossload::blocks

// XLM-RoBERTa, as transformers/models/xlm_roberta/modeling_xlm_roberta.py of Transformers 4.57.6 has it: RoBERTa under
// another name.
//
// Where v4's TensorFlow classes differ from PyTorch's, PyTorch is followed: positions are counted from pad_token_id (v4
// takes 1 for it), relative positions (position_embedding_type relative_key and relative_key_query, which v4's
// TFXLMRoberta ignores) and an output projection that is not tied to the word embeddings (tie_word_embeddings false)
// are here. Cached keys and values are not.
#include <cmath>
#include <tuple>

#include "crossload/error.h"
#include "keras/activation.h"
#include "keras/architecture.h"
#include "keras/attention_mask.h"
#include "keras/layers.h"

namespace crossload::models {
namespace {

using namespace keras;  // NOLINT: the layers are this file's vocabulary
using tf::Tensor;
using MaybeTensor = std::optional<Tensor>;

std::int64_t vocab_size(const Config& config) { return config.integer("vocab_size", 30522); }
std::int64_t hidden_size(const Config& config) { return config.integer("hidden_size", 768); }
std::int64_t num_hidden_layers(const Config& config) { return config.integer("num_hidden_layers", 12); }
std::int64_t intermediate_size(const Config& config) { return config.integer("intermediate_size", 3072); }
std::int64_t max_position_embeddings(const Config& config) { return config.integer("max_position_embeddings", 512); }
double layer_norm_eps(const Config& config) { return config.number("layer_norm_eps", 1e-12); }
double hidden_dropout_prob(const Config& config) { return config.number("hidden_dropout_prob", 0.1); }
std::string hidden_act(const Config& config) { return config.text("hidden_act", "gelu"); }
std::string position_embedding_type(const Config& config) { return config.text("position_embedding_type", "absolute"); }
bool is_decoder(const Config& config) { return config.flag("is_decoder", false); }
bool add_cross_attention(const Config& config) { return config.flag("add_cross_attention", false); }

double classifier_dropout(const Config& config) {
  return config.number("classifier_dropout", hidden_dropout_prob(config));
}

/// As BERT's, but positions are counted from padding_idx + 1, and padding has the position padding_idx.
// Copied from roberta.TFRobertaEmbeddings with Roberta->XLMRoberta
class TFXLMRobertaEmbeddings : public Module<TFXLMRobertaEmbeddings> {
 public:
  TFXLMRobertaEmbeddings(const Scope& scope, const Config& config)
      : Module(scope),
        word_embeddings(scope / "word_embeddings", vocab_size(config), hidden_size(config), "weight"),
        token_type_embeddings(scope / "token_type_embeddings", config.integer("type_vocab_size", 2),
                              hidden_size(config)),
        position_embeddings(scope / "position_embeddings", max_position_embeddings(config), hidden_size(config)),
        LayerNorm(scope / "LayerNorm", hidden_size(config), layer_norm_eps(config)),
        dropout(scope / "dropout", hidden_dropout_prob(config)),
        padding_idx_(static_cast<std::int32_t>(config.integer("pad_token_id", 1))),
        absolute_(position_embedding_type(config) == "absolute") {}

  Tensor call(const ModelInputs& inputs, bool training) const {
    const MaybeTensor inputs_embeds = inputs.find("inputs_embeds");
    const Tensor words = inputs_embeds ? *inputs_embeds : word_embeddings(inputs.at("input_ids"));
    tf::Graph& graph = words.graph();
    const tf::Dims dims = tf::dims_of(words);  // [batch, length, hidden]
    const MaybeTensor token_type_ids = inputs.find("token_type_ids");
    Tensor embeddings = words + token_type_embeddings(token_type_ids ? *token_type_ids
                                                                     : tf::fill(graph, {dims[0], dims[1]},
                                                                                graph.constant(std::int32_t{0})));
    if (absolute_) embeddings = embeddings + position_embeddings(positions(inputs));
    return dropout(LayerNorm(embeddings), training);
  }

  const Embedding word_embeddings;
  const Embedding token_type_embeddings;
  const Embedding position_embeddings;
  const LayerNormalization LayerNorm;
  const Dropout dropout;

 private:
  Tensor positions(const ModelInputs& inputs) const {
    if (const MaybeTensor position_ids = inputs.find("position_ids")) return *position_ids;
    if (const MaybeTensor inputs_embeds = inputs.find("inputs_embeds")) {
      return positions_from_inputs_embeds(*inputs_embeds);
    }
    return positions_from_input_ids(inputs.at("input_ids"));
  }

  /// The n-th id of a row that is not padding -> padding_idx + n; padding -> padding_idx
  Tensor positions_from_input_ids(const Tensor& input_ids) const {
    const Tensor padding = tf::equal(input_ids, input_ids.graph().constant(padding_idx_));
    const Tensor mask = 1.0 - tf::cast(padding, tf::DataType::kInt32);
    return tf::cumsum(mask, /*axis=*/1) * mask + static_cast<double>(padding_idx_);
  }

  /// What is padding cannot be seen: padding_idx + 1, padding_idx + 2, ... in every row
  Tensor positions_from_inputs_embeds(const Tensor& inputs_embeds) const {
    const tf::Dims dims = tf::dims_of(inputs_embeds);
    const Tensor positions = tf::range(inputs_embeds.graph(), dims[1]) + static_cast<double>(padding_idx_ + 1);
    return tf::broadcast_to(tf::expand_dims(positions, 0), {dims[0], dims[1]});
  }

  const std::int32_t padding_idx_;
  const bool absolute_;
};

// Copied from roberta.TFRobertaSelfAttention with Roberta->XLMRoberta, RoBERTa->XLM-RoBERTa
class TFXLMRobertaSelfAttention : public Module<TFXLMRobertaSelfAttention> {
 public:
  TFXLMRobertaSelfAttention(const Scope& scope, const Config& config, const std::string& position_embedding_type)
      : Module(scope),
        num_attention_heads_(config.integer("num_attention_heads", 12)),
        attention_head_size_(head_size(scope, hidden_size(config), num_attention_heads_)),
        query(scope / "query", hidden_size(config), hidden_size(config)),
        key(scope / "key", hidden_size(config), hidden_size(config)),
        value(scope / "value", hidden_size(config), hidden_size(config)),
        dropout(scope / "dropout", config.number("attention_probs_dropout_prob", 0.1)),
        relative_to_key_(position_embedding_type == "relative_key_query"),
        max_position_embeddings_(max_position_embeddings(config)) {
    if (position_embedding_type == "relative_key" || relative_to_key_) {
      distance_embedding.emplace(scope / "distance_embedding", 2 * max_position_embeddings_ - 1, attention_head_size_);
    } else if (position_embedding_type != "absolute") {
      throw Error(ErrorKind::kUnsupported, "position_embedding_type \"" + position_embedding_type +
                                               "\": XLM-RoBERTa has absolute, relative_key and relative_key_query");
    }
  }

  /// hidden_states [batch, queries, hidden] -> the context of the same shape and the probabilities
  /// [batch, heads, queries, keys]
  std::tuple<Tensor, Tensor> call(const Tensor& hidden_states, const MaybeTensor& attention_mask,
                                  const MaybeTensor& encoder_hidden_states, bool training) const {
    const Tensor& current_states = encoder_hidden_states ? *encoder_hidden_states : hidden_states;
    const Tensor query_layer = transpose_for_scores(query(hidden_states));
    const Tensor key_layer = transpose_for_scores(key(current_states));
    const Tensor value_layer = transpose_for_scores(value(current_states));

    Tensor attention_scores = tf::matmul(query_layer, key_layer, /*transpose_a=*/false, /*transpose_b=*/true);
    if (distance_embedding) attention_scores = attention_scores + relative_scores(query_layer, key_layer);
    attention_scores = attention_scores / std::sqrt(static_cast<double>(attention_head_size_));
    if (attention_mask) attention_scores = attention_scores + *attention_mask;
    const Tensor attention_probs = dropout(tf::softmax(attention_scores), training);

    const Tensor context = tf::transpose(tf::matmul(attention_probs, value_layer), {0, 2, 1, 3});
    const tf::Dims dims = tf::dims_of(hidden_states);
    return {tf::reshape(context, dims), attention_probs};
  }

 private:
  const std::int64_t num_attention_heads_;
  const std::int64_t attention_head_size_;

 public:
  const Dense query;
  const Dense key;
  const Dense value;
  const Dropout dropout;
  std::optional<Embedding> distance_embedding;

 private:
  static std::int64_t head_size(const Scope& scope, std::int64_t hidden_size, std::int64_t heads) {
    if (heads <= 0 || hidden_size % heads != 0) {
      throw Error(ErrorKind::kBadInput, "config.json: hidden_size " + std::to_string(hidden_size) +
                                            " is not a multiple of num_attention_heads " + std::to_string(heads) +
                                            ", which " + scope.path() + " needs");
    }
    return hidden_size / heads;
  }

  /// [batch, length, hidden] -> [batch, heads, length, head size]
  Tensor transpose_for_scores(const Tensor& x) const {
    const tf::Dims dims = tf::dims_of(x);
    return tf::transpose(tf::reshape(x, {dims[0], -1, num_attention_heads_, attention_head_size_}), {0, 2, 1, 3});
  }

  /// How much each query, and for relative_key_query each key, fits the distance between the two.
  Tensor relative_scores(const Tensor& query_layer, const Tensor& key_layer) const {
    tf::Graph& graph = query_layer.graph();
    const Tensor queries = tf::expand_dims(tf::range(graph, tf::dims_of(query_layer)[2]), 1);
    const Tensor keys = tf::expand_dims(tf::range(graph, tf::dims_of(key_layer)[2]), 0);
    const Tensor positions = (*distance_embedding)(queries - keys + static_cast<double>(max_position_embeddings_ - 1));
    const Tensor of_query = tf::einsum("bhld,lrd->bhlr", query_layer, positions);
    return relative_to_key_ ? of_query + tf::einsum("bhrd,lrd->bhlr", key_layer, positions) : of_query;
  }

  const bool relative_to_key_;
  const std::int64_t max_position_embeddings_;
};

// Copied from roberta.TFRobertaSelfOutput with Roberta->XLMRoberta
class TFXLMRobertaSelfOutput : public Module<TFXLMRobertaSelfOutput> {
 public:
  TFXLMRobertaSelfOutput(const Scope& scope, const Config& config)
      : Module(scope),
        dense(scope / "dense", hidden_size(config), hidden_size(config)),
        LayerNorm(scope / "LayerNorm", hidden_size(config), layer_norm_eps(config)),
        dropout(scope / "dropout", hidden_dropout_prob(config)) {}

  Tensor call(const Tensor& hidden_states, const Tensor& input_tensor, bool training) const {
    return LayerNorm(dropout(dense(hidden_states), training) + input_tensor);
  }

  const Dense dense;
  const LayerNormalization LayerNorm;
  const Dropout dropout;
};

// Copied from roberta.TFRobertaAttention with Roberta->XLMRoberta
class TFXLMRobertaAttention : public Module<TFXLMRobertaAttention> {
 public:
  TFXLMRobertaAttention(const Scope& scope, const Config& config, const std::string& position_embedding_type)
      : Module(scope), self(scope / "self", config, position_embedding_type), output(scope / "output", config) {}

  std::tuple<Tensor, Tensor> call(const Tensor& hidden_states, const MaybeTensor& attention_mask,
                                  const MaybeTensor& encoder_hidden_states, bool training) const {
    const auto [context, attention_probs] = self(hidden_states, attention_mask, encoder_hidden_states, training);
    return {output(context, hidden_states, training), attention_probs};
  }

  const TFXLMRobertaSelfAttention self;
  const TFXLMRobertaSelfOutput output;
};

// Copied from roberta.TFRobertaIntermediate with Roberta->XLMRoberta
class TFXLMRobertaIntermediate : public Module<TFXLMRobertaIntermediate> {
 public:
  TFXLMRobertaIntermediate(const Scope& scope, const Config& config)
      : Module(scope),
        dense(scope / "dense", hidden_size(config), intermediate_size(config)),
        intermediate_act_fn(scope / "intermediate_act_fn", hidden_act(config)) {}

  Tensor call(const Tensor& hidden_states) const { return intermediate_act_fn(dense(hidden_states)); }

  const Dense dense;
  const Activation intermediate_act_fn;
};

// Copied from roberta.TFRobertaOutput with Roberta->XLMRoberta
class TFXLMRobertaOutput : public Module<TFXLMRobertaOutput> {
 public:
  TFXLMRobertaOutput(const Scope& scope, const Config& config)
      : Module(scope),
        dense(scope / "dense", intermediate_size(config), hidden_size(config)),
        LayerNorm(scope / "LayerNorm", hidden_size(config), layer_norm_eps(config)),
        dropout(scope / "dropout", hidden_dropout_prob(config)) {}

  Tensor call(const Tensor& hidden_states, const Tensor& input_tensor, bool training) const {
    return LayerNorm(dropout(dense(hidden_states), training) + input_tensor);
  }

  const Dense dense;
  const LayerNormalization LayerNorm;
  const Dropout dropout;
};

/// What a layer attends to besides its own input.
struct Memory {
  MaybeTensor attention_mask;
  MaybeTensor encoder_hidden_states;
  MaybeTensor encoder_attention_mask;
};

// Copied from roberta.TFRobertaLayer with Roberta->XLMRoberta
class TFXLMRobertaLayer : public Module<TFXLMRobertaLayer> {
 public:
  TFXLMRobertaLayer(const Scope& scope, const Config& config)
      : Module(scope), attention(scope / "attention", config, position_embedding_type(config)) {
    if (add_cross_attention(config)) {
      if (!is_decoder(config)) {
        throw Error(ErrorKind::kBadInput, "config.json: add_cross_attention needs is_decoder, which is false");
      }
      crossattention.emplace(scope / "crossattention", config, "absolute");
    }
    intermediate.emplace(scope / "intermediate", config);
    output.emplace(scope / "output", config);
  }

  /// The hidden states, the attention probabilities, and those of the cross-attention where it runs.
  std::tuple<Tensor, Tensor, MaybeTensor> call(const Tensor& hidden_states, const Memory& memory, bool training) const {
    auto [attention_output, attention_probs] = attention(hidden_states, memory.attention_mask, MaybeTensor(), training);
    MaybeTensor cross_probs;
    if (memory.encoder_hidden_states) {
      if (!crossattention) {
        throw Error(ErrorKind::kUsage, "encoder_hidden_states need a model with add_cross_attention in config.json");
      }
      std::tie(attention_output, cross_probs) =
          (*crossattention)(attention_output, memory.encoder_attention_mask, memory.encoder_hidden_states, training);
    }
    return {(*output)((*intermediate)(attention_output), attention_output, training), attention_probs, cross_probs};
  }

  const TFXLMRobertaAttention attention;
  std::optional<TFXLMRobertaAttention> crossattention;  // between attention and intermediate, as in PyTorch
  std::optional<TFXLMRobertaIntermediate> intermediate;
  std::optional<TFXLMRobertaOutput> output;
};

// Copied from roberta.TFRobertaEncoder with Roberta->XLMRoberta
class TFXLMRobertaEncoder : public Module<TFXLMRobertaEncoder> {
 public:
  TFXLMRobertaEncoder(const Scope& scope, const Config& config) : Module(scope) {
    for (std::int64_t i = 0; i < num_hidden_layers(config); ++i) layer.emplace_back(scope / "layer" / i, config);
  }

  ModelOutput call(Tensor hidden_states, const Memory& memory, const ModelInputs& options, bool training) const {
    std::vector<Tensor> all_hidden_states;
    std::vector<Tensor> all_attentions;
    std::vector<Tensor> all_cross_attentions;
    for (const TFXLMRobertaLayer& layer_module : layer) {
      if (options.output_hidden_states) all_hidden_states.push_back(hidden_states);
      const auto [layer_output, attention_probs, cross_probs] = layer_module(hidden_states, memory, training);
      hidden_states = layer_output;
      if (options.output_attentions) {
        all_attentions.push_back(attention_probs);
        if (cross_probs) all_cross_attentions.push_back(*cross_probs);
      }
    }
    if (options.output_hidden_states) all_hidden_states.push_back(hidden_states);
    ModelOutput outputs;
    outputs.add("last_hidden_state", hidden_states).add("hidden_states", all_hidden_states);
    return outputs.add("attentions", all_attentions).add("cross_attentions", all_cross_attentions);
  }

  std::vector<TFXLMRobertaLayer> layer;
};

// Copied from roberta.TFRobertaPooler with Roberta->XLMRoberta
class TFXLMRobertaPooler : public Module<TFXLMRobertaPooler> {
 public:
  TFXLMRobertaPooler(const Scope& scope, const Config& config)
      : Module(scope),
        dense(scope / "dense", hidden_size(config), hidden_size(config)),
        activation(scope / "activation", "tanh") {}

  /// [batch, length, hidden] -> [batch, hidden], from the first token
  Tensor call(const Tensor& hidden_states) const {
    return activation(dense(tf::select(hidden_states, /*axis=*/1, /*index=*/0)));
  }

  const Dense dense;
  const Activation activation;
};

// Copied from roberta.TFRobertaLMHead with Roberta->XLMRoberta
class TFXLMRobertaLMHead : public Module<TFXLMRobertaLMHead> {
 public:
  TFXLMRobertaLMHead(const Scope& scope, const Config& config, const Embedding& word_embeddings)
      : Module(scope),
        bias_(scope.variable("bias", head_bias_keys(config.flag("tie_word_embeddings", true)), {vocab_size(config)})),
        gelu_(scope / "gelu", "gelu"),
        dense(scope / "dense", hidden_size(config), hidden_size(config)),
        layer_norm(scope / "layer_norm", hidden_size(config), layer_norm_eps(config)),
        decoder(scope / "decoder", word_embeddings, bias_, config.flag("tie_word_embeddings", true)) {}

  Tensor call(const Tensor& features) const { return decoder(layer_norm(gelu_.call(dense(features)))); }

 private:
  const Variable& bias_;
  const Activation gelu_;  // a function in PyTorch, not a module: it has no stage

 public:
  const Dense dense;
  const LayerNormalization layer_norm;
  const LanguageModelDecoder decoder;
};

// Copied from roberta.TFRobertaMainLayer with Roberta->XLMRoberta
class TFXLMRobertaMainLayer : public Module<TFXLMRobertaMainLayer> {
 public:
  TFXLMRobertaMainLayer(const Scope& scope, const Config& config, bool add_pooling_layer = true)
      : Module(scope),
        scope_(scope),
        encoder(scope / "encoder", config),
        pooler(add_pooling_layer ? std::make_optional<TFXLMRobertaPooler>(scope / "pooler", config) : std::nullopt),
        embeddings(scope / "embeddings", config),
        is_decoder_(is_decoder(config)) {}

  ModelOutput call(const ModelInputs& inputs, bool training) const {
    const Tensor embedding_output = embeddings(inputs, training);
    const ModelOutput encoder_outputs = encoder(embedding_output, memory(inputs, embedding_output), inputs, training);
    const Tensor& sequence_output = encoder_outputs.at("last_hidden_state");
    ModelOutput outputs;
    outputs.add("last_hidden_state", sequence_output);
    if (pooler) outputs.add("pooler_output", (*pooler)(sequence_output));
    return outputs.add_from(encoder_outputs, {"hidden_states", "attentions", "cross_attentions"});
  }

  /// Keras' weights file repeats the embeddings below a layer that holds them.
  void embeddings_held_by(const Scope& layer) const { layer.holds(scope_ / "embeddings"); }

 private:
  Memory memory(const ModelInputs& inputs, const Tensor& embedding_output) const {
    Memory memory;
    MaybeTensor attention_mask = inputs.find("attention_mask");
    if (!is_decoder_) {
      if (attention_mask) memory.attention_mask = extended_attention_mask(*attention_mask);
      return memory;
    }
    tf::Graph& graph = embedding_output.graph();
    const tf::Dims dims = tf::dims_of(embedding_output);
    if (!attention_mask) attention_mask = tf::fill(graph, {dims[0], dims[1]}, graph.constant(1.0F));
    memory.attention_mask = causal_attention_mask(*attention_mask);
    memory.encoder_hidden_states = inputs.find("encoder_hidden_states");
    const MaybeTensor encoder_attention_mask = inputs.find("encoder_attention_mask");
    if (memory.encoder_hidden_states && encoder_attention_mask) {
      memory.encoder_attention_mask = extended_attention_mask(*encoder_attention_mask);
    }
    return memory;
  }

  const Scope scope_;

 public:
  const TFXLMRobertaEncoder encoder;  // first, as v4 orders the variables
  const std::optional<TFXLMRobertaPooler> pooler;
  const TFXLMRobertaEmbeddings embeddings;

 private:
  const bool is_decoder_;
};

// Copied from roberta.TFRobertaPreTrainedModel with Roberta->XLMRoberta
class TFXLMRobertaPreTrainedModel : public TFPreTrainedModel {
 public:
  using TFPreTrainedModel::TFPreTrainedModel;

  Signature serving() const override {
    return token_inputs({"input_ids", "attention_mask", "token_type_ids"}, /*rank=*/2);
  }

  Signature inputs() const override {
    Signature all = serving();
    all.push_back({"position_ids", tf::DataType::kInt32, {-1, -1}});
    all.push_back({"inputs_embeds", tf::DataType::kFloat, {-1, -1, hidden_size(config())}});
    if (is_decoder(config())) {
      all.push_back({"encoder_hidden_states", tf::DataType::kFloat, {-1, -1, hidden_size(config())}});
      all.push_back({"encoder_attention_mask", tf::DataType::kInt32, {-1, -1}});
    }
    return all;
  }

  std::vector<Signature> other_calls() const override {
    const Signature all = serving();
    std::vector<Signature> calls = {{all[0]}, {all[0], all[1]}};
    if (add_cross_attention(config())) {
      Signature cross = all;
      cross.push_back({"encoder_hidden_states", tf::DataType::kFloat, {-1, -1, hidden_size(config())}});
      cross.push_back({"encoder_attention_mask", tf::DataType::kInt32, {-1, -1}});
      calls.push_back(cross);
    }
    return calls;
  }
};

// Copied from roberta.TFRobertaModel with Roberta->XLMRoberta
class TFXLMRobertaModel : public TFXLMRobertaPreTrainedModel {
 public:
  TFXLMRobertaModel(const Scope& scope, const Config& config)
      : TFXLMRobertaPreTrainedModel(config),
        roberta(scope.in_tensorflow("roberta"), config, scope.in_tensorflow("roberta").has_part("pooler")) {}

  ModelOutput call(const ModelInputs& inputs, bool training) const override { return roberta(inputs, training); }

  const TFXLMRobertaMainLayer roberta;
};

// Copied from roberta.TFRobertaForMaskedLM with Roberta->XLMRoberta
class TFXLMRobertaForMaskedLM : public TFXLMRobertaPreTrainedModel {
 public:
  TFXLMRobertaForMaskedLM(const Scope& scope, const Config& config)
      : TFXLMRobertaPreTrainedModel(config),
        roberta(scope / "roberta", config, /*add_pooling_layer=*/false),
        lm_head(scope / "lm_head", config, roberta.embeddings.word_embeddings) {
    roberta.embeddings_held_by(scope / "lm_head");
  }

  ModelOutput call(const ModelInputs& inputs, bool training) const override {
    const ModelOutput outputs = roberta(inputs, training);
    ModelOutput result;
    result.add("logits", lm_head(outputs.at("last_hidden_state")));
    return result.add_from(outputs, {"hidden_states", "attentions"});
  }

  const TFXLMRobertaMainLayer roberta;
  const TFXLMRobertaLMHead lm_head;
};

// Copied from roberta.TFRobertaForCausalLM with Roberta->XLMRoberta
class TFXLMRobertaForCausalLM : public TFXLMRobertaPreTrainedModel {
 public:
  TFXLMRobertaForCausalLM(const Scope& scope, const Config& config)
      : TFXLMRobertaPreTrainedModel(config),
        roberta(scope / "roberta", config, /*add_pooling_layer=*/false),
        lm_head(scope / "lm_head", config, roberta.embeddings.word_embeddings) {
    roberta.embeddings_held_by(scope / "lm_head");
  }

  ModelOutput call(const ModelInputs& inputs, bool training) const override {
    const ModelOutput outputs = roberta(inputs, training);
    ModelOutput result;
    result.add("logits", lm_head(outputs.at("last_hidden_state")));
    return result.add_from(outputs, {"hidden_states", "attentions", "cross_attentions"});
  }

  const TFXLMRobertaMainLayer roberta;
  const TFXLMRobertaLMHead lm_head;
};

// Copied from roberta.TFRobertaClassificationHead with Roberta->XLMRoberta
class TFXLMRobertaClassificationHead : public Module<TFXLMRobertaClassificationHead> {
 public:
  TFXLMRobertaClassificationHead(const Scope& scope, const Config& config)
      : Module(scope),
        dense(scope / "dense", hidden_size(config), hidden_size(config)),
        dropout(scope / "dropout", classifier_dropout(config)),
        out_proj(scope / "out_proj", hidden_size(config), config.num_labels()) {}

  /// [batch, length, hidden] -> [batch, labels], from the first token
  Tensor call(const Tensor& features, bool training) const {
    const Tensor first_token = tf::select(features, /*axis=*/1, /*index=*/0);
    return out_proj(dropout(tf::tanh(dense(dropout(first_token, training))), training));
  }

  const Dense dense;
  const Dropout dropout;
  const Dense out_proj;
};

// Copied from roberta.TFRobertaForSequenceClassification with Roberta->XLMRoberta
class TFXLMRobertaForSequenceClassification : public TFXLMRobertaPreTrainedModel {
 public:
  TFXLMRobertaForSequenceClassification(const Scope& scope, const Config& config)
      : TFXLMRobertaPreTrainedModel(config),
        roberta(scope / "roberta", config, /*add_pooling_layer=*/false),
        classifier(scope / "classifier", config) {}

  ModelOutput call(const ModelInputs& inputs, bool training) const override {
    const ModelOutput outputs = roberta(inputs, training);
    ModelOutput result;
    result.add("logits", classifier(outputs.at("last_hidden_state"), training));
    return result.add_from(outputs, {"hidden_states", "attentions"});
  }

  const TFXLMRobertaMainLayer roberta;
  const TFXLMRobertaClassificationHead classifier;
};

// Copied from roberta.TFRobertaForMultipleChoice with Roberta->XLMRoberta
class TFXLMRobertaForMultipleChoice : public TFXLMRobertaPreTrainedModel {
 public:
  TFXLMRobertaForMultipleChoice(const Scope& scope, const Config& config)
      : TFXLMRobertaPreTrainedModel(config),
        roberta(scope / "roberta", config),
        dropout(scope / "dropout", hidden_dropout_prob(config)),
        classifier(scope / "classifier", hidden_size(config), 1) {}

  Signature serving() const override {
    return token_inputs({"input_ids", "attention_mask", "token_type_ids"}, /*rank=*/3);
  }

  /// Inputs [batch, choices, length] are run as [batch * choices, length] -> logits [batch, choices]
  ModelOutput call(const ModelInputs& inputs, bool training) const override {
    ModelInputs flat = inputs;
    for (auto& [name, tensor] : flat.tensors) {
      const tf::Dims dims = tf::dims_of(tensor);
      tf::Dims folded(dims.begin() + 1, dims.end());
      folded.front() = -1;
      tensor = tf::reshape(tensor, folded);
    }
    const MaybeTensor input_ids = inputs.find("input_ids");
    const tf::Dim num_choices = tf::dims_of(input_ids ? *input_ids : inputs.at("inputs_embeds"))[1];
    const ModelOutput outputs = roberta(flat, training);
    const Tensor logits = classifier(dropout(outputs.at("pooler_output"), training));
    ModelOutput result;
    result.add("logits", tf::reshape(logits, {-1, num_choices}));
    return result.add_from(outputs, {"hidden_states", "attentions"});
  }

  const TFXLMRobertaMainLayer roberta;
  const Dropout dropout;
  const Dense classifier;
};

// Copied from roberta.TFRobertaForTokenClassification with Roberta->XLMRoberta
class TFXLMRobertaForTokenClassification : public TFXLMRobertaPreTrainedModel {
 public:
  TFXLMRobertaForTokenClassification(const Scope& scope, const Config& config)
      : TFXLMRobertaPreTrainedModel(config),
        roberta(scope / "roberta", config, /*add_pooling_layer=*/false),
        dropout(scope / "dropout", classifier_dropout(config)),
        classifier(scope / "classifier", hidden_size(config), config.num_labels()) {}

  ModelOutput call(const ModelInputs& inputs, bool training) const override {
    const ModelOutput outputs = roberta(inputs, training);
    ModelOutput result;
    result.add("logits", classifier(dropout(outputs.at("last_hidden_state"), training)));
    return result.add_from(outputs, {"hidden_states", "attentions"});
  }

  const TFXLMRobertaMainLayer roberta;
  const Dropout dropout;
  const Dense classifier;
};

// Copied from roberta.TFRobertaForQuestionAnswering with Roberta->XLMRoberta
class TFXLMRobertaForQuestionAnswering : public TFXLMRobertaPreTrainedModel {
 public:
  TFXLMRobertaForQuestionAnswering(const Scope& scope, const Config& config)
      : TFXLMRobertaPreTrainedModel(config),
        roberta(scope / "roberta", config, /*add_pooling_layer=*/false),
        qa_outputs(scope / "qa_outputs", hidden_size(config), config.num_labels()) {
    if (config.num_labels() != 2) {
      throw Error(ErrorKind::kBadInput, "config.json: question answering needs 2 labels (start, end), not " +
                                            std::to_string(config.num_labels()));
    }
  }

  ModelOutput call(const ModelInputs& inputs, bool training) const override {
    const ModelOutput outputs = roberta(inputs, training);
    const Tensor logits = qa_outputs(outputs.at("last_hidden_state"));  // [batch, length, 2]
    ModelOutput result;
    result.add("start_logits", tf::select(logits, /*axis=*/2, /*index=*/0));
    result.add("end_logits", tf::select(logits, /*axis=*/2, /*index=*/1));
    return result.add_from(outputs, {"hidden_states", "attentions"});
  }

  const TFXLMRobertaMainLayer roberta;
  const Dense qa_outputs;
};

}  // namespace

Architecture modeling_tf_xlm_roberta() {
  const std::pair<std::string, std::string> position_ids = {"embeddings.position_ids", "a buffer: 0, 1, 2, ..."};
  const std::pair<std::string, std::string> no_pooler = {"roberta.pooler.", "this class has no pooler"};
  const std::pair<std::string, std::string> no_lm_head = {"lm_head.", "of pre-training, which this class lacks"};
  return {"xlm-roberta",
          "roberta",
          "transformers/models/xlm_roberta/modeling_xlm_roberta.py, 4.57.6",
          {
              head<TFXLMRobertaModel>("TFXLMRobertaModel", {"TFAutoModel", "TFAutoModelForTextEncoding"},
                                      {position_ids,
                                       no_lm_head,
                                       {"classifier.", "a head's, which this class lacks"},
                                       {"qa_outputs.", "a head's, which this class lacks"}}),
              head<TFXLMRobertaForMaskedLM>(
                  "TFXLMRobertaForMaskedLM",
                  {"TFAutoModelForPreTraining", "TFAutoModelForMaskedLM", "TFAutoModelWithLMHead"},
                  {position_ids, no_pooler}),
              head<TFXLMRobertaForCausalLM>("TFXLMRobertaForCausalLM", {"TFAutoModelForCausalLM"},
                                            {position_ids, no_pooler}),
              head<TFXLMRobertaForSequenceClassification>("TFXLMRobertaForSequenceClassification",
                                                          {"TFAutoModelForSequenceClassification"},
                                                          {position_ids, no_pooler, no_lm_head}),
              head<TFXLMRobertaForMultipleChoice>("TFXLMRobertaForMultipleChoice", {"TFAutoModelForMultipleChoice"},
                                                  {position_ids, no_lm_head}),
              head<TFXLMRobertaForTokenClassification>("TFXLMRobertaForTokenClassification",
                                                       {"TFAutoModelForTokenClassification"},
                                                       {position_ids, no_pooler, no_lm_head}),
              head<TFXLMRobertaForQuestionAnswering>("TFXLMRobertaForQuestionAnswering",
                                                     {"TFAutoModelForQuestionAnswering"},
                                                     {position_ids, no_pooler, no_lm_head}),
          }};
}

}  // namespace crossload::models

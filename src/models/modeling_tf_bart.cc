// BART, as transformers/models/bart/modeling_bart.py of Transformers 4.57.6 has it.
//
// Where v4's TensorFlow classes differ from PyTorch's, PyTorch is followed: an output projection that is not tied to
// the word embeddings (tie_word_embeddings false, which v4's TFBart ignores) is here, and the mask's lowest value is
// float32's. The classifier reads the last </s> of each row; PyTorch refuses rows with unequal numbers of them, and a
// graph cannot: a row without any gives NaN. Cached keys and values, and an encoder's outputs as an input, are not
// here.
#include <cmath>
#include <tuple>

#include "crossload/error.h"
#include "keras/activation.h"
#include "keras/architecture.h"
#include "keras/attention_mask.h"
#include "keras/encoder_decoder.h"
#include "keras/layers.h"

namespace crossload::models {
namespace {

using namespace keras;  // NOLINT: the layers are this file's vocabulary
using tf::Tensor;
using MaybeTensor = std::optional<Tensor>;

constexpr double kLayerNormEpsilon = 1e-5;  // PyTorch's default, not configured

std::int64_t vocab_size(const Config& config) { return config.integer("vocab_size", 50265); }
std::int64_t d_model(const Config& config) { return config.integer("d_model", 1024); }
double dropout_rate(const Config& config) { return config.number("dropout", 0.1); }
double attention_dropout(const Config& config) { return config.number("attention_dropout", 0.0); }
double activation_dropout(const Config& config) { return config.number("activation_dropout", 0.0); }
std::string activation_function(const Config& config) { return config.text("activation_function", "gelu"); }

double embed_scale(const Config& config) {
  return config.flag("scale_embedding", false) ? std::sqrt(static_cast<double>(d_model(config))) : 1.0;
}

/// BART's own default is 3.
std::int64_t num_labels(const Config& config) {
  return config.has("id2label") || config.has("num_labels") ? config.num_labels() : 3;
}

/// In training, leaves a layer out with probability `layerdrop`: takes what went in for what came out.
Tensor layer_dropped(const Tensor& input, const Tensor& output, double layerdrop, bool training) {
  if (!training || layerdrop == 0.0) return output;
  tf::Graph& graph = input.graph();
  const Tensor threshold = graph.constant(static_cast<float>(layerdrop));
  return tf::where(tf::less(tf::random_uniform(graph, tf::shape(threshold)), threshold), input, output);
}

/// Rows of a learned table that begins two rows before position 0.
class TFBartLearnedPositionalEmbedding : public Module<TFBartLearnedPositionalEmbedding> {
 public:
  TFBartLearnedPositionalEmbedding(const Scope& scope, const Config& config)
      : Module(scope),
        table_(scope.variable("embeddings", "weight",
                              {config.integer("max_position_embeddings", 1024) + kOffset, d_model(config)})) {}

  Tensor call(const Tensor& position_ids) const {
    return tf::gather(ModelGraph::of(position_ids).value(table_), position_ids + static_cast<double>(kOffset));
  }

 private:
  static constexpr std::int64_t kOffset = 2;
  const Variable& table_;
};

class TFBartScaledWordEmbedding : public Module<TFBartScaledWordEmbedding> {
 public:
  TFBartScaledWordEmbedding(const Scope& scope, const Config& config, const Variable& table)
      : Module(scope), table_(table), embed_scale_(embed_scale(config)) {}

  Tensor call(const Tensor& input_ids) const {
    return tf::gather(ModelGraph::of(input_ids).value(table_), input_ids) * embed_scale_;
  }

 private:
  const Variable& table_;
  const double embed_scale_;
};

class TFBartAttention : public Module<TFBartAttention> {
 public:
  TFBartAttention(const Scope& scope, const Config& config, const std::string& heads_field)
      : Module(scope),
        num_heads_(config.integer(heads_field, 16)),
        head_dim_(head_dim(d_model(config), num_heads_, heads_field)),
        k_proj(scope / "k_proj", d_model(config), d_model(config)),
        v_proj(scope / "v_proj", d_model(config), d_model(config)),
        q_proj(scope / "q_proj", d_model(config), d_model(config)),
        out_proj(scope / "out_proj", d_model(config), d_model(config)),
        dropout_rate_(attention_dropout(config)) {}

  /// Attends to key_value_states, or to hidden_states [batch, queries, hidden] themselves -> the same shape, and the
  /// probabilities [batch, heads, queries, keys]
  std::tuple<Tensor, Tensor> call(const Tensor& hidden_states, const MaybeTensor& key_value_states,
                                  const MaybeTensor& attention_mask, bool training) const {
    const Tensor& current_states = key_value_states ? *key_value_states : hidden_states;
    const Tensor query_states = by_head(q_proj(hidden_states));
    const Tensor key_states = by_head(k_proj(current_states));
    const Tensor value_states = by_head(v_proj(current_states));

    Tensor scores = tf::matmul(query_states, key_states, /*transpose_a=*/false, /*transpose_b=*/true);
    scores = scores * std::pow(static_cast<double>(head_dim_), -0.5);
    if (attention_mask) scores = scores + *attention_mask;
    const Tensor attn_weights = dropout(tf::softmax(scores), dropout_rate_, training);

    const Tensor context = tf::transpose(tf::matmul(attn_weights, value_states), {0, 2, 1, 3});
    return {out_proj(tf::reshape(context, tf::dims_of(hidden_states))), attn_weights};
  }

 private:
  const std::int64_t num_heads_;
  const std::int64_t head_dim_;

 public:
  const Dense k_proj;
  const Dense v_proj;
  const Dense q_proj;
  const Dense out_proj;

 private:
  static std::int64_t head_dim(std::int64_t embed_dim, std::int64_t heads, const std::string& heads_field) {
    if (heads <= 0 || embed_dim % heads != 0) {
      throw Error(ErrorKind::kBadInput, "config.json: d_model " + std::to_string(embed_dim) + " is not a multiple of " +
                                            heads_field + " " + std::to_string(heads));
    }
    return embed_dim / heads;
  }

  /// [batch, length, hidden] -> [batch, heads, length, head size]
  Tensor by_head(const Tensor& states) const {
    const tf::Dims dims = tf::dims_of(states);
    return tf::transpose(tf::reshape(states, {dims[0], dims[1], num_heads_, head_dim_}), {0, 2, 1, 3});
  }

  const double dropout_rate_;
};

class TFBartEncoderLayer : public Module<TFBartEncoderLayer> {
 public:
  TFBartEncoderLayer(const Scope& scope, const Config& config)
      : Module(scope),
        self_attn(scope / "self_attn", config, "encoder_attention_heads"),
        self_attn_layer_norm(scope / "self_attn_layer_norm", d_model(config), kLayerNormEpsilon),
        activation_fn(scope / "activation_fn", activation_function(config)),
        fc1(scope / "fc1", d_model(config), config.integer("encoder_ffn_dim", 4096)),
        fc2(scope / "fc2", config.integer("encoder_ffn_dim", 4096), d_model(config)),
        final_layer_norm(scope / "final_layer_norm", d_model(config), kLayerNormEpsilon),
        dropout_(dropout_rate(config)),
        activation_dropout_(activation_dropout(config)) {}

  std::tuple<Tensor, Tensor> call(Tensor hidden_states, const MaybeTensor& attention_mask, bool training) const {
    const auto [attended, attn_weights] = self_attn(hidden_states, MaybeTensor(), attention_mask, training);
    hidden_states = self_attn_layer_norm(hidden_states + dropout(attended, dropout_, training));
    const Tensor inner = dropout(activation_fn(fc1(hidden_states)), activation_dropout_, training);
    return {final_layer_norm(hidden_states + dropout(fc2(inner), dropout_, training)), attn_weights};
  }

  const TFBartAttention self_attn;
  const LayerNormalization self_attn_layer_norm;
  const Activation activation_fn;
  const Dense fc1;
  const Dense fc2;
  const LayerNormalization final_layer_norm;

 private:
  const double dropout_;
  const double activation_dropout_;
};

class TFBartDecoderLayer : public Module<TFBartDecoderLayer> {
 public:
  TFBartDecoderLayer(const Scope& scope, const Config& config)
      : Module(scope),
        self_attn(scope / "self_attn", config, "decoder_attention_heads"),
        activation_fn(scope / "activation_fn", activation_function(config)),
        self_attn_layer_norm(scope / "self_attn_layer_norm", d_model(config), kLayerNormEpsilon),
        encoder_attn(scope / "encoder_attn", config, "decoder_attention_heads"),
        encoder_attn_layer_norm(scope / "encoder_attn_layer_norm", d_model(config), kLayerNormEpsilon),
        fc1(scope / "fc1", d_model(config), config.integer("decoder_ffn_dim", 4096)),
        fc2(scope / "fc2", config.integer("decoder_ffn_dim", 4096), d_model(config)),
        final_layer_norm(scope / "final_layer_norm", d_model(config), kLayerNormEpsilon),
        dropout_(dropout_rate(config)),
        activation_dropout_(activation_dropout(config)) {}

  /// The hidden states, the probabilities of the self-attention and those of the cross-attention.
  std::tuple<Tensor, Tensor, Tensor> call(Tensor hidden_states, const MaybeTensor& attention_mask,
                                          const MaybeTensor& encoder_hidden_states,
                                          const MaybeTensor& encoder_attention_mask, bool training) const {
    const auto [attended, self_attn_weights] = self_attn(hidden_states, MaybeTensor(), attention_mask, training);
    hidden_states = self_attn_layer_norm(hidden_states + dropout(attended, dropout_, training));
    const auto [recalled, cross_attn_weights] =
        encoder_attn(hidden_states, encoder_hidden_states, encoder_attention_mask, training);
    hidden_states = encoder_attn_layer_norm(hidden_states + dropout(recalled, dropout_, training));
    const Tensor inner = dropout(activation_fn(fc1(hidden_states)), activation_dropout_, training);
    hidden_states = final_layer_norm(hidden_states + dropout(fc2(inner), dropout_, training));
    return {hidden_states, self_attn_weights, cross_attn_weights};
  }

  const TFBartAttention self_attn;
  const Activation activation_fn;
  const LayerNormalization self_attn_layer_norm;
  const TFBartAttention encoder_attn;
  const LayerNormalization encoder_attn_layer_norm;
  const Dense fc1;
  const Dense fc2;
  const LayerNormalization final_layer_norm;

 private:
  const double dropout_;
  const double activation_dropout_;
};

class TFBartEncoder : public Module<TFBartEncoder> {
 public:
  TFBartEncoder(const Scope& scope, const Config& config, const Variable& shared)
      : Module(scope),
        embed_tokens(scope / "embed_tokens", config, shared),
        embed_positions(scope / "embed_positions", config),
        layernorm_embedding(scope / "layernorm_embedding", d_model(config), kLayerNormEpsilon),
        dropout_(dropout_rate(config)),
        layerdrop_(config.number("encoder_layerdrop", 0.0)) {
    for (std::int64_t i = 0; i < config.integer("encoder_layers", 12); ++i) {
      const std::string name = "layers." + std::to_string(i);
      layers.emplace_back(scope.child(name, name), config);
    }
  }

  ModelOutput call(const ModelInputs& inputs, bool training) const {
    const MaybeTensor inputs_embeds = inputs.find("inputs_embeds");
    const Tensor words = inputs_embeds ? *inputs_embeds : embed_tokens(inputs.at("input_ids"));
    const tf::Dims dims = tf::dims_of(words);  // [batch, length, hidden]
    const Tensor positions = tf::broadcast_to(tf::range(words.graph(), dims[1]), {dims[0], dims[1]});
    Tensor hidden_states = layernorm_embedding(words + embed_positions(positions));
    hidden_states = dropout(hidden_states, dropout_, training);
    MaybeTensor attention_mask = inputs.find("attention_mask");
    if (attention_mask) attention_mask = extended_attention_mask(padding_mask(*attention_mask));

    std::vector<Tensor> all_hidden_states;
    std::vector<Tensor> all_attentions;
    for (const TFBartEncoderLayer& encoder_layer : layers) {
      if (inputs.output_hidden_states) all_hidden_states.push_back(hidden_states);
      const auto [layer_output, attn_weights] = encoder_layer(hidden_states, attention_mask, training);
      hidden_states = layer_dropped(hidden_states, layer_output, layerdrop_, training);
      if (inputs.output_attentions) all_attentions.push_back(attn_weights);
    }
    if (inputs.output_hidden_states) all_hidden_states.push_back(hidden_states);
    ModelOutput outputs;
    outputs.add("last_hidden_state", hidden_states).add("hidden_states", all_hidden_states);
    return outputs.add("attentions", all_attentions);
  }

  const TFBartScaledWordEmbedding embed_tokens;
  const TFBartLearnedPositionalEmbedding embed_positions;
  std::vector<TFBartEncoderLayer> layers;
  const LayerNormalization layernorm_embedding;

 private:
  const double dropout_;
  const double layerdrop_;
};

class TFBartDecoder : public Module<TFBartDecoder> {
 public:
  TFBartDecoder(const Scope& scope, const Config& config, const Variable& shared)
      : Module(scope),
        embed_tokens(scope / "embed_tokens", config, shared),
        embed_positions(scope / "embed_positions", config),
        layernorm_embedding(scope / "layernorm_embedding", d_model(config), kLayerNormEpsilon),
        dropout_(dropout_rate(config)),
        layerdrop_(config.number("decoder_layerdrop", 0.0)) {
    for (std::int64_t i = 0; i < config.integer("decoder_layers", 12); ++i) {
      const std::string name = "layers." + std::to_string(i);
      layers.emplace_back(scope.child(name, name), config);
    }
  }

  /// See decoder_inputs.
  ModelOutput call(const ModelInputs& inputs, bool training) const {
    const MaybeTensor inputs_embeds = inputs.find("inputs_embeds");
    const Tensor words = inputs_embeds ? *inputs_embeds : embed_tokens(inputs.at("input_ids"));
    tf::Graph& graph = words.graph();
    const tf::Dims dims = tf::dims_of(words);  // [batch, length, hidden]
    const MaybeTensor given_mask = inputs.find("attention_mask");
    const Tensor attention_mask = causal_attention_mask(
        given_mask ? padding_mask(*given_mask) : tf::fill(graph, {dims[0], dims[1]}, graph.constant(1.0F)));
    const MaybeTensor encoder_hidden_states = inputs.at("encoder_hidden_states");
    MaybeTensor encoder_attention_mask = inputs.find("encoder_attention_mask");
    if (encoder_attention_mask) encoder_attention_mask = extended_attention_mask(padding_mask(*encoder_attention_mask));
    const Tensor positions = tf::expand_dims(tf::range(graph, dims[1]), 0);
    Tensor hidden_states = layernorm_embedding(words + embed_positions(positions));
    hidden_states = dropout(hidden_states, dropout_, training);

    std::vector<Tensor> all_hidden_states;
    std::vector<Tensor> all_self_attns;
    std::vector<Tensor> all_cross_attentions;
    for (const TFBartDecoderLayer& decoder_layer : layers) {
      if (inputs.output_hidden_states) all_hidden_states.push_back(hidden_states);
      const auto [layer_output, self_attn_weights, cross_attn_weights] = decoder_layer(
          hidden_states, MaybeTensor(attention_mask), encoder_hidden_states, encoder_attention_mask, training);
      hidden_states = layer_dropped(hidden_states, layer_output, layerdrop_, training);
      if (inputs.output_attentions) {
        all_self_attns.push_back(self_attn_weights);
        all_cross_attentions.push_back(cross_attn_weights);
      }
    }
    if (inputs.output_hidden_states) all_hidden_states.push_back(hidden_states);
    ModelOutput outputs;
    outputs.add("last_hidden_state", hidden_states).add("hidden_states", all_hidden_states);
    return outputs.add("attentions", all_self_attns).add("cross_attentions", all_cross_attentions);
  }

  const TFBartScaledWordEmbedding embed_tokens;
  const TFBartLearnedPositionalEmbedding embed_positions;
  std::vector<TFBartDecoderLayer> layers;
  const LayerNormalization layernorm_embedding;

 private:
  const double dropout_;
  const double layerdrop_;
};

/// PyTorch's BartModel.
class TFBartMainLayer : public Module<TFBartMainLayer> {
 public:
  TFBartMainLayer(const Scope& scope, const Config& config)
      : Module(scope),
        shared(scope / "shared", shared_table(scope, config)),
        encoder(scope / "encoder", config, shared.table()),
        decoder(scope / "decoder", config, shared.table()),
        pad_token_id_(config.integer("pad_token_id", 1)),
        decoder_start_token_id_(config.integer("decoder_start_token_id", 2)) {}

  ModelOutput call(const ModelInputs& inputs, bool training) const {
    const ModelOutput encoder_outputs = encoder(inputs, training);
    ModelInputs with_decoder = inputs;
    if (!inputs.find("decoder_input_ids") && !inputs.find("decoder_inputs_embeds")) {
      with_decoder.tensors.emplace("decoder_input_ids",
                                   shift_tokens_right(inputs.at("input_ids"), pad_token_id_, decoder_start_token_id_));
    }
    const ModelOutput decoder_outputs =
        decoder(decoder_inputs(with_decoder, encoder_outputs.at("last_hidden_state")), training);
    ModelOutput result;
    result.add("last_hidden_state", decoder_outputs.at("last_hidden_state"));
    return add_decoder_and_encoder(&result, decoder_outputs, encoder_outputs);
  }

  const Embedding shared;  // the table that encoder, decoder and output projection use; never called itself
  const TFBartEncoder encoder;
  const TFBartDecoder decoder;

 private:
  /// A checkpoint may hold it under any of its names; where nothing is tied, Transformers 5 has three tables. v4 makes
  /// it outside the scope of the class.
  static const Variable& shared_table(const Scope& scope, const Config& config) {
    return scope.outside_class("model.shared/model.shared", /*layer=*/"model")
        .variable("embeddings", {"shared.weight", "decoder.embed_tokens.weight", "encoder.embed_tokens.weight"},
                  {vocab_size(config), d_model(config)}, {.one_for_all = !config.flag("tie_word_embeddings", true)});
  }

  const std::int64_t pad_token_id_;
  const std::int64_t decoder_start_token_id_;
};

class TFBartClassificationHead : public Module<TFBartClassificationHead> {
 public:
  TFBartClassificationHead(const Scope& scope, const Config& config)
      : Module(scope),
        dense(scope / "dense", d_model(config), d_model(config)),
        dropout(scope / "dropout", config.number("classifier_dropout", 0.0)),
        out_proj(scope / "out_proj", d_model(config), num_labels(config)) {}

  Tensor call(const Tensor& hidden_states, bool training) const {
    return out_proj(dropout(tf::tanh(dense(dropout(hidden_states, training))), training));
  }

  const Dense dense;
  const Dropout dropout;
  const Dense out_proj;
};

class TFBartPretrainedModel : public TFPreTrainedModel {
 public:
  using TFPreTrainedModel::TFPreTrainedModel;

  Signature serving() const override {
    return token_inputs({"input_ids", "attention_mask", "decoder_input_ids", "decoder_attention_mask"}, /*rank=*/2);
  }

  Signature inputs() const override {
    Signature all = serving();
    all.push_back({"inputs_embeds", tf::DataType::kFloat, {-1, -1, d_model(config())}});
    all.push_back({"decoder_inputs_embeds", tf::DataType::kFloat, {-1, -1, d_model(config())}});
    return all;
  }

  std::vector<Signature> other_calls() const override {
    const Signature all = serving();
    return {{all[0]}, {all[0], all[1]}, {all[0], all[2]}, {all[0], all[1], all[2]}};
  }

 protected:
  /// What the heads return besides their logits.
  static ModelOutput& add_rest(ModelOutput* result, const ModelOutput& outputs) {
    return result->add_from(outputs, {"decoder_hidden_states", "decoder_attentions", "cross_attentions",
                                      "encoder_last_hidden_state", "encoder_hidden_states", "encoder_attentions"});
  }
};

class TFBartModel : public TFBartPretrainedModel {
 public:
  TFBartModel(const Scope& scope, const Config& config)
      : TFBartPretrainedModel(config), model(scope.in_tensorflow("model"), config) {}

  ModelOutput call(const ModelInputs& inputs, bool training) const override { return model(inputs, training); }

  const TFBartMainLayer model;
};

class TFBartForConditionalGeneration : public TFBartPretrainedModel {
 public:
  TFBartForConditionalGeneration(const Scope& scope, const Config& config)
      : TFBartPretrainedModel(config),
        model(scope / "model", config),
        final_logits_bias_(scope.outside_class("").variable("final_logits_bias", "final_logits_bias",
                                                            {1, vocab_size(config)},
                                                            {.trainable = false, .zeros_when_missing = true})),
        lm_head(scope / "lm_head", model.shared, config.flag("tie_word_embeddings", true)) {}

  ModelOutput call(const ModelInputs& inputs, bool training) const override {
    const ModelOutput outputs = model(inputs, training);
    const Tensor lm_logits = lm_head(outputs.at("last_hidden_state"));
    ModelOutput result;
    result.add("logits", lm_logits + ModelGraph::of(lm_logits).value(final_logits_bias_));
    return add_rest(&result, outputs);
  }

  const TFBartMainLayer model;

 private:
  const Variable& final_logits_bias_;  // a buffer in PyTorch

 public:
  const LanguageModelDecoder lm_head;
};

class TFBartForSequenceClassification : public TFBartPretrainedModel {
 public:
  TFBartForSequenceClassification(const Scope& scope, const Config& config)
      : TFBartPretrainedModel(config),
        model(scope / "model", config),
        classification_head(scope / "classification_head", config),
        eos_token_id_(config.integer("eos_token_id", 2)) {}

  ModelOutput call(const ModelInputs& inputs, bool training) const override {
    const ModelOutput outputs = model(inputs, training);
    const Tensor sentence_representation = at_last_eos(outputs.at("last_hidden_state"), inputs.at("input_ids"));
    ModelOutput result;
    result.add("logits", classification_head(sentence_representation, training));
    return add_rest(&result, outputs);
  }

  const TFBartMainLayer model;
  const TFBartClassificationHead classification_head;

 private:
  /// The decoder's states [batch, length, hidden] where input_ids [batch, length] has its last </s> -> [batch, hidden]
  Tensor at_last_eos(const Tensor& hidden_states, const Tensor& input_ids) const {
    tf::Graph& graph = input_ids.graph();
    const Tensor eos = graph.constant(static_cast<std::int32_t>(eos_token_id_));
    const Tensor is_eos = tf::cast(tf::equal(input_ids, eos), tf::DataType::kInt32);
    const Tensor count = tf::reduce_sum(is_eos, {1}, /*keep_dims=*/true);
    const Tensor is_last = tf::cast(tf::equal(tf::cumsum(is_eos, /*axis=*/1), count), tf::DataType::kInt32) * is_eos;
    const Tensor weight = tf::expand_dims(tf::cast(is_last, tf::DataType::kFloat), 2);  // one 1 a row
    return tf::reduce_sum(hidden_states * weight, {1}, false) / tf::reduce_sum(weight, {1}, /*keep_dims=*/false);
  }

  const std::int64_t eos_token_id_;
};

}  // namespace

Architecture modeling_tf_bart() {
  const std::pair<std::string, std::string> encoder_version = {"encoder.version", "a mark of old checkpoints"};
  const std::pair<std::string, std::string> decoder_version = {"decoder.version", "a mark of old checkpoints"};
  const std::pair<std::string, std::string> no_bias = {"final_logits_bias", "a head's, which this class lacks"};
  const std::pair<std::string, std::string> no_lm_head = {"lm_head.", "a head's, which this class lacks"};
  const std::pair<std::string, std::string> no_classifier = {"classification_head.",
                                                             "a head's, which this class lacks"};
  return {"bart",
          "model",
          "transformers/models/bart/modeling_bart.py, 4.57.6",
          {
              head<TFBartModel>("TFBartModel", {"TFAutoModel"},
                                {encoder_version,
                                 decoder_version,
                                 no_bias,
                                 no_lm_head,
                                 no_classifier,
                                 {"qa_outputs.", "a head's, which this class lacks"}}),
              head<TFBartForConditionalGeneration>(
                  "TFBartForConditionalGeneration",
                  {"TFAutoModelForSeq2SeqLM", "TFAutoModelForPreTraining", "TFAutoModelWithLMHead"},
                  {encoder_version, decoder_version, no_classifier}),
              head<TFBartForSequenceClassification>("TFBartForSequenceClassification",
                                                    {"TFAutoModelForSequenceClassification"},
                                                    {encoder_version, decoder_version, no_bias, no_lm_head}),
          }};
}

}  // namespace crossload::models

// BART, as transformers/models/bart/modeling_bart.py of Transformers 4.57.6 has it.
//
// Where v4's TensorFlow classes differ from PyTorch's, PyTorch is followed: an output projection that is not tied to
// the word embeddings (tie_word_embeddings false, which v4's TFBart ignores) is here, and the mask's lowest value is
// float32's. The classifier reads the last </s> of each row; PyTorch refuses rows with unequal numbers of them, and a
// graph cannot: a row without any gives NaN. Cached keys and values are not here.
#include <cmath>

#include "blocks/bart_block.h"
#include "blocks/heads.h"

namespace crossload::models {
namespace {

using namespace blocks;  // NOLINT: blocks and layers are this file's vocabulary
using namespace keras;   // NOLINT

constexpr double kLayerNormEpsilon = 1e-5;  // PyTorch's default, not configured

std::int64_t vocab_size(const Config& config) { return config.integer("vocab_size", 50265); }
std::int64_t d_model(const Config& config) { return config.integer("d_model", 1024); }
double dropout_rate(const Config& config) { return config.number("dropout", 0.1); }

double embed_scale(const Config& config) {
  return config.flag("scale_embedding", false) ? std::sqrt(static_cast<double>(d_model(config))) : 1.0;
}

/// BART's own default is 3.
std::int64_t num_labels(const Config& config) {
  return config.has("id2label") || config.has("num_labels") ? config.num_labels() : 3;
}

/// Of the "encoder" or the "decoder".
BartSizes sizes_of(const Config& config, const std::string& side) {
  const std::string heads = side + "_attention_heads";
  return {.heads = {"d_model", d_model(config), heads, config.integer(heads, 16)},
          .intermediate = config.integer(side + "_ffn_dim", 4096),
          .act = config.text("activation_function", "gelu"),
          .dropout = dropout_rate(config),
          .attention_dropout = config.number("attention_dropout", 0.0),
          .activation_dropout = config.number("activation_dropout", 0.0),
          .norm = Norm::kLast};
}

using EncoderLayer = TFBartEncoderLayer<TFBartAttention>;
using DecoderLayer = TFBartDecoderLayer<TFBartAttention>;

/// Rows of a learned table that begins two rows before position 0.
class TFBartLearnedPositionalEmbedding : public Module<TFBartLearnedPositionalEmbedding> {
 public:
  TFBartLearnedPositionalEmbedding(const Scope& scope, const Config& config)
      : Module(scope),
        table_(scope.variable("embeddings", "weight",
                              {config.integer("max_position_embeddings", 1024) + kOffset, d_model(config)})) {}

  Tensor call(const Tensor& position_ids) const {
    return tf::gather(ModelGraph::of(position_ids).value(table_), position_ids + kOffset);
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

class TFBartEncoder : public Module<TFBartEncoder> {
 public:
  TFBartEncoder(const Scope& scope, const Config& config, const Variable& shared)
      : Module(scope),
        embed_tokens(scope / "embed_tokens", config, shared),
        embed_positions(scope / "embed_positions", config),
        layernorm_embedding(scope / "layernorm_embedding", d_model(config), kLayerNormEpsilon),
        layers(dotted_layers_of<EncoderLayer>(scope, "layers", config.integer("encoder_layers", 12),
                                              sizes_of(config, "encoder"))),
        dropout_(dropout_rate(config)),
        layerdrop_(config.number("encoder_layerdrop", 0.0)) {}

  ModelOutput call(const ModelInputs& inputs, const Call& call) const {
    const Tensor words = embedded_words(inputs, embed_tokens);
    const tf::Dims dims = tf::dims_of(words);  // [batch, length, hidden]
    const Tensor positions = tf::broadcast_to(tf::range(words.graph(), dims[1]), {dims[0], dims[1]});
    Tensor hidden_states = layernorm_embedding(words + embed_positions(positions));
    hidden_states = dropout(hidden_states, dropout_, call);
    MaybeTensor attention_mask = inputs.find("attention_mask");
    if (attention_mask) attention_mask = extended_attention_mask(padding_mask(*attention_mask));

    return run_layers(
        layers, hidden_states, call,
        [&](const EncoderLayer& layer, const Tensor& states) { return layer(states, attention_mask, call); },
        {.layerdrop = layerdrop_});
  }

  const TFBartScaledWordEmbedding embed_tokens;
  const TFBartLearnedPositionalEmbedding embed_positions;
  const LayerNormalization layernorm_embedding;
  const std::vector<EncoderLayer> layers;

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
        layers(dotted_layers_of<DecoderLayer>(scope, "layers", config.integer("decoder_layers", 12),
                                              sizes_of(config, "decoder"))),
        dropout_(dropout_rate(config)),
        layerdrop_(config.number("decoder_layerdrop", 0.0)) {}

  /// See decoder_inputs.
  ModelOutput call(const ModelInputs& inputs, const Call& call) const {
    const Tensor words = embedded_words(inputs, embed_tokens);
    const Memory memory = decoder_memory(inputs, words);
    const tf::Dims dims = tf::dims_of(words);  // [batch, length, hidden]
    const Tensor positions = tf::expand_dims(tf::range(words.graph(), dims[1]), 0);
    Tensor hidden_states = layernorm_embedding(words + embed_positions(positions));
    hidden_states = dropout(hidden_states, dropout_, call);

    return run_layers(layers, hidden_states, call,
                      [&](const DecoderLayer& layer, const Tensor& states) { return layer(states, memory, call); },
                      {.layerdrop = layerdrop_});
  }

  const TFBartScaledWordEmbedding embed_tokens;
  const TFBartLearnedPositionalEmbedding embed_positions;
  const LayerNormalization layernorm_embedding;
  const std::vector<DecoderLayer> layers;

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

  ModelOutput call(const ModelInputs& inputs, const Call& call) const {
    const ModelOutput encoded = encoder_outputs(inputs, [&](const ModelInputs& given) { return encoder(given, call); });
    ModelInputs with_decoder = inputs;
    if (!inputs.find("decoder_inputs_embeds")) {
      with_decoder.tensors.insert_or_assign("decoder_input_ids", given_or_made(inputs, "decoder_input_ids", [&] {
                                              return shift_tokens_right(inputs.at("input_ids"), pad_token_id_,
                                                                        decoder_start_token_id_);
                                            }));
    }
    const ModelOutput decoder_outputs = decoder(decoder_inputs(with_decoder, encoded.at("last_hidden_state")), call);
    ModelOutput result;
    result.add("last_hidden_state", decoder_outputs.at("last_hidden_state"));
    return add_decoder_and_encoder(&result, decoder_outputs, encoded);
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

  Tensor call(const Tensor& hidden_states, const Call& call) const {
    return out_proj(dropout(tf::tanh(dense(dropout(hidden_states, call))), call));
  }

  const Dense dense;
  const Dropout dropout;
  const Dense out_proj;
};

class TFBartPretrainedModel : public Model {
 public:
  using MainLayer = TFBartMainLayer;
  static constexpr const char* kMainLayer = "model";

  /// Some heads need `input_ids` themselves.
  explicit TFBartPretrainedModel(const Config& config, bool needs_ids = false)
      : Model(config, seq2seq_interface(d_model(config), needs_ids)) {}

 private:
  static Interface seq2seq_interface(std::int64_t width, bool needs_ids) {
    Interface interface = {token_inputs({"input_ids", "attention_mask", "decoder_input_ids", "decoder_attention_mask"}),
                           {states_input("inputs_embeds", width), states_input("decoder_inputs_embeds", width),
                            states_input("encoder_outputs", width)},
                           {{"input_ids"},
                            {"input_ids", "attention_mask"},
                            {"input_ids", "decoder_input_ids"},
                            {"input_ids", "attention_mask", "decoder_input_ids"}},
                           {ones_for({"input_ids", "inputs_embeds", "encoder_outputs"}),
                            ones_for({"decoder_input_ids", "decoder_inputs_embeds"}, "decoder_attention_mask")},
                           {{"decoder_input_ids", {"input_ids"}}, made_embeds("decoder_")}};
    if (!needs_ids) interface.made.insert(interface.made.end(), {made_embeds(), made_encoder_outputs("inputs_embeds")});
    return interface;
  }
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

  ModelOutput call(const ModelInputs& inputs, const Call& call) const override {
    const ModelOutput outputs = model(inputs, call);
    const Tensor lm_logits = lm_head(outputs.at("last_hidden_state"));
    return with_decoder_logits(lm_logits + ModelGraph::of(lm_logits).value(final_logits_bias_), outputs);
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
      : TFBartPretrainedModel(config, /*needs_ids=*/true),
        model(scope / "model", config),
        classification_head(scope / "classification_head", config),
        eos_token_id_(config.integer("eos_token_id", 2)) {}

  ModelOutput call(const ModelInputs& inputs, const Call& call) const override {
    const ModelOutput outputs = model(inputs, call);
    const Tensor sentence_representation = at_last_eos(outputs.at("last_hidden_state"), inputs.at("input_ids"));
    return with_decoder_logits(classification_head(sentence_representation, call), outputs);
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
  return {
      .model_type = "bart",
      .base_model_prefix = "model",
      .source = "transformers/models/bart/modeling_bart.py, 4.57.6",
      .ignores = {{"encoder.version", "a mark of old checkpoints"}, {"decoder.version", "a mark of old checkpoints"}},
      .heads = {
          head<BaseModel<TFBartPretrainedModel>>("TFBartModel", {"TFAutoModel"},
                                                 {{"qa_outputs.", "a head's, which this class lacks"}}),
          head<TFBartForConditionalGeneration>(
              "TFBartForConditionalGeneration",
              {"TFAutoModelForSeq2SeqLM", "TFAutoModelForPreTraining", "TFAutoModelWithLMHead"}),
          head<TFBartForSequenceClassification>("TFBartForSequenceClassification",
                                                {"TFAutoModelForSequenceClassification"}),
      }};
}

}  // namespace crossload::models

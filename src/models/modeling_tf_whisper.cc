// Whisper, as transformers/models/whisper/modeling_whisper.py of Transformers 4.57.6 has it.
//
// The encoder takes features of one length alone, 2 * max_source_positions frames, and looks at all of them: there is
// no mask of them. In training random spans of them become zero where the configuration says so (SpecAugment,
// apply_spec_augment), and layers are left out. Where v4's TensorFlow classes differ from PyTorch's, PyTorch is
// followed: an output projection that is not tied to the word embeddings (tie_word_embeddings false, which v4 ignores)
// is here, and the mask's lowest value is float32's. Cached keys and values are not here.
#include <cmath>

#include "blocks/bart_block.h"
#include "blocks/heads.h"
#include "keras/conv1d.h"
#include "keras/spec_augment.h"

namespace crossload::models {
namespace {

using namespace blocks;  // NOLINT: blocks and layers are this file's vocabulary
using namespace keras;   // NOLINT

constexpr double kLayerNormEpsilon = 1e-5;  // PyTorch's default, not configured

std::int64_t vocab_size(const Config& config) { return config.integer("vocab_size", 51865); }
std::int64_t d_model(const Config& config) { return config.integer("d_model", 384); }
std::int64_t num_mel_bins(const Config& config) { return config.integer("num_mel_bins", 80); }
std::int64_t max_source_positions(const Config& config) { return config.integer("max_source_positions", 1500); }
double dropout_rate(const Config& config) { return config.number("dropout", 0.0); }

/// Of the "encoder" or the "decoder".
BartSizes sizes_of(const Config& config, const std::string& side) {
  const std::string heads = side + "_attention_heads";
  return {.heads = {"d_model", d_model(config), heads, config.integer(heads, 6)},
          .intermediate = config.integer(side + "_ffn_dim", 1536),
          .act = config.text("activation_function", "gelu"),
          .dropout = dropout_rate(config),
          .attention_dropout = config.number("attention_dropout", 0.0),
          .activation_dropout = config.number("activation_dropout", 0.0),
          .norm = Norm::kFirst};
}

/// As BART's, but for the scaling and a projection of keys without bias.
class TFWhisperAttention : public Module<TFWhisperAttention> {
 public:
  TFWhisperAttention(const Scope& scope, const Heads& sizes, double dropout_rate)
      : Module(scope),
        heads(sizes),
        k_proj(scope / "k_proj", heads.width(), heads.width(), /*bias=*/false),
        v_proj(scope / "v_proj", heads.width(), heads.width()),
        q_proj(scope / "q_proj", heads.width(), heads.width()),
        out_proj(scope / "out_proj", heads.width(), heads.width()),
        dropout_(dropout_rate) {}

  /// Attends to key_value_states, or to hidden_states [batch, queries, hidden] themselves -> the same shape, and the
  /// probabilities [batch, heads, queries, keys]
  std::tuple<Tensor, Tensor> call(const Tensor& hidden_states, const MaybeTensor& key_value_states,
                                  const MaybeTensor& attention_mask, const Call& call) const {
    const Tensor& current_states = key_value_states ? *key_value_states : hidden_states;
    // Scaled before the product, as PyTorch does it here: the rounding is another.
    const Tensor query_states = split_heads(q_proj(hidden_states) * (1.0 / heads.root()), heads);
    const Tensor key_states = split_heads(k_proj(current_states), heads);
    const Tensor value_states = split_heads(v_proj(current_states), heads);

    const Tensor scores = masked(attention_scores(query_states, key_states), attention_mask);
    const Tensor attn_weights = dropout(tf::softmax(scores), dropout_, call);
    return {out_proj(attend(attn_weights, value_states)), attn_weights};
  }

  const Heads heads;
  const Dense k_proj;
  const Dense v_proj;
  const Dense q_proj;
  const Dense out_proj;

 private:
  const double dropout_;
};

using EncoderLayer = TFBartEncoderLayer<TFWhisperAttention>;
using DecoderLayer = TFBartDecoderLayer<TFWhisperAttention>;

/// A table of positions from 0 on. The encoder's holds sinusoids, which are not trained: they come from the checkpoint.
class TFWhisperPositionalEmbedding : public Module<TFWhisperPositionalEmbedding> {
 public:
  TFWhisperPositionalEmbedding(const Scope& scope, std::int64_t positions, std::int64_t features, bool trainable)
      : Module(scope), table_(scope.variable("weight", "weight", {positions, features}, {.trainable = trainable})) {}

  Tensor call(const Tensor& position_ids) const {
    return tf::gather(ModelGraph::of(position_ids).value(table_), position_ids);
  }

 private:
  const Variable& table_;
};

class TFWhisperEncoder : public Module<TFWhisperEncoder> {
 public:
  TFWhisperEncoder(const Scope& scope, const Config& config)
      : Module(scope),
        conv1(scope / "conv1", num_mel_bins(config), d_model(config), /*width=*/3, {.padding = 1}),
        conv2(scope / "conv2", d_model(config), d_model(config), /*width=*/3, {.padding = 1, .stride = 2}),
        embed_positions(scope / "embed_positions", max_source_positions(config), d_model(config),
                        /*trainable=*/false),
        layer_norm(scope / "layer_norm", d_model(config), kLayerNormEpsilon),
        layers(dotted_layers_of<EncoderLayer>(scope, "layers", config.integer("encoder_layers", 4),
                                              sizes_of(config, "encoder"))),
        max_source_positions_(max_source_positions(config)),
        dropout_(dropout_rate(config)),
        layerdrop_(config.number("encoder_layerdrop", 0.0)) {}

  /// input_features [batch, mel bins, 2 * max_source_positions]
  ModelOutput call(const ModelInputs& inputs, const Call& call) const {
    const Tensor& features = inputs.at("input_features");
    Tensor hidden_states = gelu(conv2(gelu(conv1(features))));
    hidden_states = tf::transpose(hidden_states, {0, 2, 1});
    // Another length is an error of TensorFlow's here, as PyTorch raises one.
    const tf::Dims dims = tf::dims_of(hidden_states);
    hidden_states = tf::reshape(hidden_states, {dims[0], max_source_positions_, dims[2]});
    hidden_states = hidden_states + embed_positions(tf::range(features.graph(), max_source_positions_));
    hidden_states = dropout(hidden_states, dropout_, call);

    return run_layers(
        layers, hidden_states, call,
        [&](const EncoderLayer& layer, const Tensor& states) { return layer(states, MaybeTensor(), call); },
        {.layerdrop = layerdrop_, .finish = std::ref(layer_norm)});
  }

  const Conv1D conv1;
  const Conv1D conv2;
  const TFWhisperPositionalEmbedding embed_positions;
  const LayerNormalization layer_norm;
  const std::vector<EncoderLayer> layers;

 private:
  const std::int64_t max_source_positions_;
  const double dropout_;
  const double layerdrop_;
};

class TFWhisperDecoder : public Module<TFWhisperDecoder> {
 public:
  TFWhisperDecoder(const Scope& scope, const Config& config)
      : Module(scope),
        embed_tokens(scope / "embed_tokens", word_table(scope / "embed_tokens", config)),
        embed_positions(scope / "embed_positions", config.integer("max_target_positions", 448), d_model(config),
                        /*trainable=*/true),
        layer_norm(scope / "layer_norm", d_model(config), kLayerNormEpsilon),
        layers(dotted_layers_of<DecoderLayer>(scope, "layers", config.integer("decoder_layers", 4),
                                              sizes_of(config, "decoder"))),
        dropout_(dropout_rate(config)),
        layerdrop_(config.number("decoder_layerdrop", 0.0)) {}

  /// See decoder_inputs.
  ModelOutput call(const ModelInputs& inputs, const Call& call) const {
    const Tensor words = embedded_words(inputs, embed_tokens);
    const Memory memory = decoder_memory(inputs, words);
    const tf::Dims dims = tf::dims_of(words);  // [batch, length, hidden]
    const Tensor positions = tf::broadcast_to(position_ids(inputs, words), {dims[0], dims[1]});
    const Tensor hidden_states = dropout(words + embed_positions(positions), dropout_, call);

    return run_layers(layers, hidden_states, call,
                      [&](const DecoderLayer& layer, const Tensor& states) { return layer(states, memory, call); },
                      {.layerdrop = layerdrop_, .finish = std::ref(layer_norm)});
  }

  const Embedding embed_tokens;
  const TFWhisperPositionalEmbedding embed_positions;
  const LayerNormalization layer_norm;
  const std::vector<DecoderLayer> layers;

 private:
  static const Variable& word_table(const Scope& scope, const Config& config) {
    return scope.variable("embeddings", "weight", {vocab_size(config), d_model(config)});
  }

  const double dropout_;
  const double layerdrop_;
};

/// PyTorch's WhisperModel.
class TFWhisperMainLayer : public Module<TFWhisperMainLayer> {
 public:
  TFWhisperMainLayer(const Scope& scope, const Config& config)
      : Module(scope),
        encoder(scope / "encoder", config),
        decoder(scope / "decoder", config),
        apply_spec_augment_(config.flag("apply_spec_augment", false)),
        time_spans_(config, "time", /*default_prob=*/0.05, /*default_min_masks=*/2),
        feature_spans_(config, "feature", /*default_prob=*/0.0, /*default_min_masks=*/0) {}

  ModelOutput call(const ModelInputs& inputs, const Call& call) const {
    const ModelOutput encoded = encoder_outputs(inputs, [&](ModelInputs given) {
      if (call.training && apply_spec_augment_) {
        const Tensor without_times = without_spans(given.at("input_features"), /*axis=*/2, time_spans_);
        given.tensors.insert_or_assign("input_features", without_spans(without_times, /*axis=*/1, feature_spans_));
      }
      return encoder(given, call);
    });
    const ModelOutput decoder_outputs = decoder(decoder_inputs(inputs, encoded.at("last_hidden_state")), call);
    ModelOutput result;
    result.add("last_hidden_state", decoder_outputs.at("last_hidden_state"));
    return add_decoder_and_encoder(&result, decoder_outputs, encoded);
  }

  const TFWhisperEncoder encoder;
  const TFWhisperDecoder decoder;

 private:
  /// features [batch, mel bins, frames] with zeros in random spans of one axis.
  static Tensor without_spans(const Tensor& features, int axis, const SpanOptions& options) {
    if (options.prob == 0) return features;
    tf::Graph& graph = features.graph();
    const tf::Dims dims = tf::dims_of(features);
    const tf::Dim& size = dims[static_cast<std::size_t>(axis)];
    const Tensor masked = random_spans(tf::fill(graph, {dims[0], 1}, size.as_tensor(graph)), size, options);
    return features * (1.0 - tf::expand_dims(masked, 3 - axis));
  }

  const bool apply_spec_augment_;
  const SpanOptions time_spans_;
  const SpanOptions feature_spans_;
};

class TFWhisperPreTrainedModel : public Model {
 public:
  using MainLayer = TFWhisperMainLayer;
  static constexpr const char* kMainLayer = "model";

  explicit TFWhisperPreTrainedModel(const Config& config) : Model(config, interface(config)) {}

 private:
  static Interface interface(const Config& config) {
    Signature serving = token_inputs({"decoder_input_ids", "decoder_attention_mask"});
    serving.insert(
        serving.begin(),
        {"input_features", tf::DataType::kFloat, {-1, num_mel_bins(config), 2 * max_source_positions(config)}});
    const InputSpec encoder_outputs = {
        "encoder_outputs", tf::DataType::kFloat, {-1, max_source_positions(config), d_model(config)}};
    return {serving,
            {states_input("decoder_inputs_embeds", d_model(config)), token_inputs({"decoder_position_ids"}).front(),
             encoder_outputs},
            {{"input_features", "decoder_input_ids"}},
            {ones_for({"decoder_input_ids", "decoder_inputs_embeds"}, "decoder_attention_mask")},
            {made_positions("decoder_"), made_embeds("decoder_"), made_encoder_outputs("input_features")}};
  }
};

class TFWhisperForConditionalGeneration : public TFWhisperPreTrainedModel {
 public:
  TFWhisperForConditionalGeneration(const Scope& scope, const Config& config)
      : TFWhisperPreTrainedModel(config),
        model(scope / "model", config),
        proj_out(scope / "proj_out", model.decoder.embed_tokens, config.flag("tie_word_embeddings", true)) {}

  ModelOutput call(const ModelInputs& inputs, const Call& call) const override {
    const ModelOutput outputs = model(inputs, call);
    return with_decoder_logits(proj_out(outputs.at("last_hidden_state")), outputs);
  }

  const TFWhisperMainLayer model;
  const LanguageModelDecoder proj_out;
};

}  // namespace

Architecture modeling_tf_whisper() {
  return {.model_type = "whisper",
          .base_model_prefix = "model",
          .source = "transformers/models/whisper/modeling_whisper.py, 4.57.6",
          .heads = {
              head<BaseModel<TFWhisperPreTrainedModel>>("TFWhisperModel", {"TFAutoModel"}),
              head<TFWhisperForConditionalGeneration>("TFWhisperForConditionalGeneration",
                                                      {"TFAutoModelForSpeechSeq2Seq", "TFAutoModelWithLMHead"}),
          }};
}

}  // namespace crossload::models

// Wav2Vec2, as transformers/models/wav2vec2/modeling_wav2vec2.py of Transformers 4.57.6 has it.
//
// In training random spans of the features become `masked_spec_embed` (SpecAugment, apply_spec_augment), and layers are
// left out (layerdrop). Checkpoints that were never trained so may lack that vector: zeros are put in its place, as
// they say nothing of it. Those of 2020 (Transformers 4.3) call it `mask_time_emb_vector`; PyTorch's loader of today
// draws another one for them, which nothing but training shows.
//
// Where v4's TensorFlow classes differ from PyTorch's, PyTorch is followed: the layers of the feature encoder may have
// unequal widths, and their norms have PyTorch's own epsilon. v4 writes `layer_weights` (use_weighted_layer_sum) to
// tf_model.h5 as here, and never reads it from there; its safetensors are right.
// The adapters (add_adapter, adapter_attn_dim) exist in PyTorch alone: Error(kUnsupported).
#include "blocks/bart_block.h"
#include "blocks/heads.h"
#include "keras/group_normalization.h"
#include "keras/spec_augment.h"
#include "keras/weight_norm_conv1d.h"

namespace crossload::models {
namespace {

using namespace blocks;  // NOLINT: blocks and layers are this file's vocabulary
using namespace keras;   // NOLINT

constexpr double kConvNormEpsilon = 1e-5;  // PyTorch's default, not configured

std::int64_t hidden_size(const Config& config) { return config.integer("hidden_size", 768); }
std::int64_t num_hidden_layers(const Config& config) { return config.integer("num_hidden_layers", 12); }
double hidden_dropout(const Config& config) { return config.number("hidden_dropout", 0.1); }
double layer_norm_eps(const Config& config) { return config.number("layer_norm_eps", 1e-5); }
std::string feat_extract_activation(const Config& config) { return config.text("feat_extract_activation", "gelu"); }
bool do_stable_layer_norm(const Config& config) { return config.flag("do_stable_layer_norm", false); }

/// One number for each convolution of the feature encoder.
std::vector<std::int64_t> integers(const Config& config, const std::string& name, std::vector<std::int64_t> fallback) {
  if (!config.has(name)) return fallback;
  std::vector<std::int64_t> values;
  for (const Json& value : config.json().at(name).elements()) values.push_back(value.as_integer());
  return values;
}

/// The convolutions of the feature encoder: how many channels, how wide, how far apart.
struct ConvStack {
  explicit ConvStack(const Config& config)
      : dim(integers(config, "conv_dim", {512, 512, 512, 512, 512, 512, 512})),
        stride(integers(config, "conv_stride", {5, 2, 2, 2, 2, 2, 2})),
        kernel(integers(config, "conv_kernel", {10, 3, 3, 3, 3, 2, 2})) {
    if (dim.empty() || dim.size() != stride.size() || dim.size() != kernel.size()) {
      throw Error(ErrorKind::kBadInput, "config.json: conv_dim, conv_stride and conv_kernel have " +
                                            std::to_string(dim.size()) + ", " + std::to_string(stride.size()) +
                                            " and " + std::to_string(kernel.size()) + " numbers; as many are wanted");
    }
    for (std::size_t i = 0; i < dim.size(); ++i) {
      if (dim[i] <= 0 || stride[i] <= 0 || kernel[i] <= 0) {
        throw Error(ErrorKind::kBadInput, "config.json: conv_dim, conv_stride and conv_kernel must be above 0");
      }
    }
  }

  const std::vector<std::int64_t> dim;
  const std::vector<std::int64_t> stride;
  const std::vector<std::int64_t> kernel;
};

void require_supported(const Config& config) {
  if (config.flag("add_adapter", false) || config.has("adapter_attn_dim")) {
    throw Error(ErrorKind::kUnsupported,
                "config.json: add_adapter and adapter_attn_dim are not supported; TensorFlow's Wav2Vec2 of "
                "Transformers has no adapters");
  }
  const std::string norm = config.text("feat_extract_norm", "group");
  if (norm != "group" && norm != "layer") {
    throw Error(ErrorKind::kBadInput, "config.json: feat_extract_norm is \"" + norm + "\"; wanted group or layer");
  }
}

/// One convolution of the feature encoder, with the norm of its kind: over each channel's positions for the first of a
/// "group" stack, over the channels of each position in a "layer" stack, none for the others.
class TFWav2Vec2ConvLayer : public Module<TFWav2Vec2ConvLayer> {
 public:
  TFWav2Vec2ConvLayer(const Scope& scope, const Config& config, std::size_t layer_id)
      : Module(scope),
        conv(scope / "conv", layer_id > 0 ? ConvStack(config).dim[layer_id - 1] : 1, ConvStack(config).dim[layer_id],
             ConvStack(config).kernel[layer_id],
             {.stride = ConvStack(config).stride[layer_id], .bias = config.flag("conv_bias", false)}),
        layer_norm(maybe<LayerNormalization>(has_layer_norms(config), scope / "layer_norm",
                                             ConvStack(config).dim[layer_id], kConvNormEpsilon)),
        group_norm(maybe<GroupNormalization>(!has_layer_norms(config) && layer_id == 0, scope / "layer_norm",
                                             /*groups=*/ConvStack(config).dim[layer_id],
                                             ConvStack(config).dim[layer_id], kConvNormEpsilon)),
        activation(scope / "activation", feat_extract_activation(config)) {}

  /// [batch, channels, length] -> [batch, channels, fewer]
  Tensor call(Tensor hidden_states) const {
    hidden_states = conv(hidden_states);
    if (group_norm) hidden_states = (*group_norm)(hidden_states);
    if (layer_norm) hidden_states = tf::transpose((*layer_norm)(tf::transpose(hidden_states, {0, 2, 1})), {0, 2, 1});
    return activation(hidden_states);
  }

  const Conv1D conv;
  const std::optional<LayerNormalization> layer_norm;
  const std::optional<GroupNormalization> group_norm;
  const Activation activation;

 private:
  static bool has_layer_norms(const Config& config) { return config.text("feat_extract_norm", "group") == "layer"; }
};

class TFWav2Vec2FeatureEncoder : public Module<TFWav2Vec2FeatureEncoder> {
 public:
  TFWav2Vec2FeatureEncoder(const Scope& scope, const Config& config) : Module(scope) {
    for (std::size_t i = 0; i < ConvStack(config).dim.size(); ++i) {
      const std::string name = "conv_layers." + std::to_string(i);
      conv_layers.emplace_back(scope.child(name, name), config, i);
    }
  }

  /// [batch, samples] -> [batch, channels, frames]
  Tensor call(const Tensor& input_values) const {
    Tensor hidden_states = tf::expand_dims(input_values, 1);
    for (const TFWav2Vec2ConvLayer& conv_layer : conv_layers) hidden_states = conv_layer(hidden_states);
    return hidden_states;
  }

  std::vector<TFWav2Vec2ConvLayer> conv_layers;
};

class TFWav2Vec2FeatureProjection : public Module<TFWav2Vec2FeatureProjection> {
 public:
  TFWav2Vec2FeatureProjection(const Scope& scope, const Config& config)
      : Module(scope),
        layer_norm(scope / "layer_norm", ConvStack(config).dim.back(), layer_norm_eps(config)),
        projection(scope / "projection", ConvStack(config).dim.back(), hidden_size(config)),
        dropout(scope / "dropout", config.number("feat_proj_dropout", 0.0)) {}

  /// What the encoder takes, and the normalized features.
  std::tuple<Tensor, Tensor> call(const Tensor& extract_features, const Call& call) const {
    const Tensor norm_hidden_states = layer_norm(extract_features);
    return {dropout(projection(norm_hidden_states), call), norm_hidden_states};
  }

  const LayerNormalization layer_norm;
  const Dense projection;
  const Dropout dropout;
};

/// Drops the last position that an even kernel adds.
class TFWav2Vec2SamePadLayer : public Module<TFWav2Vec2SamePadLayer> {
 public:
  TFWav2Vec2SamePadLayer(const Scope& scope, std::int64_t width) : Module(scope), is_even_(width % 2 == 0) {}

  Tensor call(const Tensor& hidden_states) const {
    return is_even_ ? tf::slice(hidden_states, /*axis=*/2, 0, -1) : hidden_states;
  }

 private:
  const bool is_even_;
};

class TFWav2Vec2PositionalConvEmbedding : public Module<TFWav2Vec2PositionalConvEmbedding> {
 public:
  TFWav2Vec2PositionalConvEmbedding(const Scope& scope, const Config& config)
      : Module(scope),
        conv(scope / "conv", hidden_size(config), hidden_size(config), width(config),
             {.padding = width(config) / 2, .groups = config.integer("num_conv_pos_embedding_groups", 16)}),
        padding(scope / "padding", width(config)),
        activation(scope / "activation", feat_extract_activation(config)) {}

  /// [batch, frames, hidden] -> the same shape
  Tensor call(const Tensor& hidden_states) const {
    return tf::transpose(activation(padding(conv(tf::transpose(hidden_states, {0, 2, 1})))), {0, 2, 1});
  }

  const WeightNormConv1D conv;
  const TFWav2Vec2SamePadLayer padding;
  const Activation activation;

 private:
  static std::int64_t width(const Config& config) { return config.integer("num_conv_pos_embeddings", 128); }
};

class TFWav2Vec2FeedForward : public Module<TFWav2Vec2FeedForward> {
 public:
  TFWav2Vec2FeedForward(const Scope& scope, const Config& config)
      : Module(scope),
        intermediate_dropout(scope / "intermediate_dropout", config.number("activation_dropout", 0.1)),
        intermediate_dense(scope / "intermediate_dense", hidden_size(config),
                           config.integer("intermediate_size", 3072)),
        intermediate_act_fn(scope / "intermediate_act_fn", config.text("hidden_act", "gelu")),
        output_dense(scope / "output_dense", config.integer("intermediate_size", 3072), hidden_size(config)),
        output_dropout(scope / "output_dropout", hidden_dropout(config)) {}

  Tensor call(Tensor hidden_states, const Call& call) const {
    hidden_states = intermediate_dropout(intermediate_act_fn(intermediate_dense(hidden_states)), call);
    return output_dropout(output_dense(hidden_states), call);
  }

  const Dropout intermediate_dropout;
  const Dense intermediate_dense;
  const Activation intermediate_act_fn;
  const Dense output_dense;
  const Dropout output_dropout;
};

/// PyTorch's Wav2Vec2EncoderLayer, which normalizes sums, and Wav2Vec2EncoderLayerStableLayerNorm, which normalizes
/// what each part takes. Their members are the same.
class TFWav2Vec2EncoderLayer : public Module<TFWav2Vec2EncoderLayer> {
 public:
  TFWav2Vec2EncoderLayer(const Scope& scope, const Config& config)
      : Module(scope),
        attention(
            scope / "attention",
            {"hidden_size", hidden_size(config), "num_attention_heads", config.integer("num_attention_heads", 12)},
            config.number("attention_dropout", 0.1)),
        dropout(scope / "dropout", hidden_dropout(config)),
        layer_norm(scope / "layer_norm", hidden_size(config), layer_norm_eps(config)),
        feed_forward(scope / "feed_forward", config),
        final_layer_norm(scope / "final_layer_norm", hidden_size(config), layer_norm_eps(config)),
        norm_(do_stable_layer_norm(config) ? Norm::kFirst : Norm::kLast) {}

  LayerOutput call(Tensor hidden_states, const MaybeTensor& attention_mask, const Call& call) const {
    MaybeTensor weights;
    hidden_states = with_residual(hidden_states, layer_norm, norm_, [&](const Tensor& query) {
      const auto [attended, probabilities] = attention(query, MaybeTensor(), attention_mask, call);
      weights = probabilities;
      return dropout(attended, call);
    });
    hidden_states = with_residual(hidden_states, final_layer_norm, norm_,
                                  [&](const Tensor& states) { return feed_forward(states, call); });
    return {hidden_states, weights};
  }

  const TFBartAttention attention;
  const Dropout dropout;
  const LayerNormalization layer_norm;
  const TFWav2Vec2FeedForward feed_forward;
  const LayerNormalization final_layer_norm;

 private:
  const Norm norm_;
};

/// PyTorch's Wav2Vec2Encoder and Wav2Vec2EncoderStableLayerNorm.
class TFWav2Vec2Encoder : public Module<TFWav2Vec2Encoder> {
 public:
  TFWav2Vec2Encoder(const Scope& scope, const Config& config)
      : Module(scope),
        pos_conv_embed(scope / "pos_conv_embed", config),
        layer_norm(scope / "layer_norm", hidden_size(config), layer_norm_eps(config)),
        dropout(scope / "dropout", hidden_dropout(config)),
        layers(dotted_layers_of<TFWav2Vec2EncoderLayer>(scope, "layers", num_hidden_layers(config), config)),
        stable_(do_stable_layer_norm(config)),
        layerdrop_(config.number("layerdrop", 0.1)) {}

  /// hidden_states [batch, frames, hidden]; frame_mask [batch, frames], float32
  ModelOutput call(Tensor hidden_states, const MaybeTensor& frame_mask, const Call& call) const {
    MaybeTensor attention_mask;
    if (frame_mask) {
      hidden_states = hidden_states * tf::expand_dims(*frame_mask, 2);  // the positions' convolution sees zeros there
      attention_mask = extended_attention_mask(*frame_mask);
    }
    hidden_states = hidden_states + pos_conv_embed(hidden_states);
    if (!stable_) hidden_states = layer_norm(hidden_states);
    hidden_states = dropout(hidden_states, call);

    return run_layers(
        layers, hidden_states, call,
        [&](const TFWav2Vec2EncoderLayer& layer, const Tensor& states) { return layer(states, attention_mask, call); },
        {.layerdrop = layerdrop_,
         .finish = [&](const Tensor& states) { return stable_ ? layer_norm(states) : states; }});
  }

  const TFWav2Vec2PositionalConvEmbedding pos_conv_embed;
  const LayerNormalization layer_norm;
  const Dropout dropout;
  const std::vector<TFWav2Vec2EncoderLayer> layers;

 private:
  const bool stable_;
  const double layerdrop_;
};

/// Which frames hold sounds: attention_mask [batch, samples] -> float32 [batch, frames]. A row's ones are counted, and
/// each convolution leaves (n - kernel) / stride + 1 of n, rounded down. Where nothing is left PyTorch counts from the
/// end: -1 is the last frame.
Tensor feature_vector_attention_mask(const Tensor& attention_mask, const tf::Dim& frames, const ConvStack& convs) {
  tf::Graph& graph = attention_mask.graph();
  const tf::DataType int32 = tf::DataType::kInt32;
  Tensor last = tf::reduce_sum(tf::cast(padding_mask(attention_mask), int32), {1}, /*keep_dims=*/true);
  for (std::size_t i = 0; i < convs.dim.size(); ++i) {
    last = tf::floor_div(last - convs.kernel[i], convs.stride[i]) + 1;
  }
  last = last - 1.0;  // [batch, 1], the last frame that is kept
  last = tf::where(tf::less(last, tf::zeros_like(last)), last + frames.as_tensor(graph), last);
  const Tensor positions = tf::expand_dims(tf::range(graph, frames), 0);
  return tf::cast(tf::less_equal(positions, last), tf::DataType::kFloat);
}

/// PyTorch's Wav2Vec2Model.
class TFWav2Vec2MainLayer : public Module<TFWav2Vec2MainLayer> {
 public:
  TFWav2Vec2MainLayer(const Scope& scope, const Config& config)
      : Module(scope),
        masked_spec_embed_(scope.variable("masked_spec_embed",
                                          std::vector<std::string>{"masked_spec_embed", "mask_time_emb_vector"},
                                          {hidden_size(config)}, {.training_only = true})),
        feature_extractor(scope / "feature_extractor", config),
        feature_projection(scope / "feature_projection", config),
        encoder(scope / "encoder", config),
        convs_(config),
        apply_spec_augment_(config.flag("apply_spec_augment", true)),
        time_spans_(config, "time", /*default_prob=*/0.05, /*default_min_masks=*/2),
        feature_spans_(config, "feature", /*default_prob=*/0.0, /*default_min_masks=*/0) {
    require_supported(config);
  }

  ModelOutput call(const ModelInputs& inputs, const Call& call) const {
    const Tensor features = tf::transpose(feature_extractor(inputs.at("input_values")), {0, 2, 1});
    MaybeTensor frame_mask;
    if (const MaybeTensor mask = inputs.find("attention_mask")) frame_mask = frame_mask_of(*mask, features);
    const auto [projected, extract_features] = feature_projection(features, call);
    const Tensor hidden_states =
        call.training && apply_spec_augment_ ? with_masked_spans(projected, frame_mask) : projected;
    const ModelOutput encoder_outputs = encoder(hidden_states, frame_mask, call);
    ModelOutput result;
    result.add("last_hidden_state", encoder_outputs.at("last_hidden_state")).add("extract_features", extract_features);
    return result.add_from(encoder_outputs, {"hidden_states", "attentions"});
  }

  /// The mask of frames [batch, frames, ...] from that of samples.
  Tensor frame_mask_of(const Tensor& attention_mask, const Tensor& frames) const {
    return feature_vector_attention_mask(attention_mask, tf::dims_of(frames)[1], convs_);
  }

 private:
  const Variable& masked_spec_embed_;

 public:
  const TFWav2Vec2FeatureEncoder feature_extractor;
  const TFWav2Vec2FeatureProjection feature_projection;
  const TFWav2Vec2Encoder encoder;

 private:
  /// hidden_states [batch, frames, hidden], of which random frames become masked_spec_embed and random features zero.
  Tensor with_masked_spans(Tensor hidden_states, const MaybeTensor& frame_mask) const {
    tf::Graph& graph = hidden_states.graph();
    const tf::Dims dims = tf::dims_of(hidden_states);
    const auto whole_rows = [&](const tf::Dim& size) { return tf::fill(graph, {dims[0], 1}, size.as_tensor(graph)); };
    if (time_spans_.prob > 0) {
      const Tensor frames = frame_mask
                                ? tf::cast(tf::reduce_sum(*frame_mask, {1}, /*keep_dims=*/true), tf::DataType::kInt32)
                                : whole_rows(dims[1]);
      const Tensor masked = tf::expand_dims(random_spans(frames, dims[1], time_spans_), 2);
      hidden_states = hidden_states * (1.0 - masked) + ModelGraph::of(hidden_states).value(masked_spec_embed_) * masked;
    }
    if (feature_spans_.prob > 0) {
      const Tensor masked = random_spans(whole_rows(dims[2]), dims[2], feature_spans_);
      hidden_states = hidden_states * (1.0 - tf::expand_dims(masked, 1));
    }
    return hidden_states;
  }

  const ConvStack convs_;
  const bool apply_spec_augment_;
  const SpanOptions time_spans_;
  const SpanOptions feature_spans_;
};

class TFWav2Vec2PreTrainedModel : public Model {
 public:
  using MainLayer = TFWav2Vec2MainLayer;
  static constexpr const char* kMainLayer = "wav2vec2";

  explicit TFWav2Vec2PreTrainedModel(const Config& config)
      : Model(config,
              {{{"input_values", tf::DataType::kFloat, {-1, -1}}, {"attention_mask", tf::DataType::kFloat, {-1, -1}}},
               {},
               {{"input_values"}},
               {ones_for({"input_values"})}}) {}
};

class TFWav2Vec2ForCTC : public TFWav2Vec2PreTrainedModel {
 public:
  TFWav2Vec2ForCTC(const Scope& scope, const Config& config)
      : TFWav2Vec2PreTrainedModel(config),
        wav2vec2(scope / "wav2vec2", config),
        dropout(scope / "dropout", config.number("final_dropout", 0.1)),
        lm_head(scope / "lm_head", hidden_size(config), config.integer("vocab_size", 32)) {}

  ModelOutput call(const ModelInputs& inputs, const Call& call) const override {
    const ModelOutput outputs = wav2vec2(inputs, call);
    return with_logits(lm_head(dropout(outputs.at("last_hidden_state"), call)), outputs);
  }

  const TFWav2Vec2MainLayer wav2vec2;
  const Dropout dropout;
  const Dense lm_head;
};

class TFWav2Vec2ForSequenceClassification : public TFWav2Vec2PreTrainedModel {
 public:
  TFWav2Vec2ForSequenceClassification(const Scope& scope, const Config& config)
      : TFWav2Vec2PreTrainedModel(config),
        wav2vec2(scope / "wav2vec2", config),
        layer_weights_(layer_weights(scope, config)),
        projector(scope / "projector", hidden_size(config), config.integer("classifier_proj_size", 256)),
        classifier(scope / "classifier", config.integer("classifier_proj_size", 256), config.num_labels()) {}

  ModelOutput call(const ModelInputs& inputs, const Call& call) const override {
    Call with_layers = call;
    if (layer_weights_) with_layers.output_hidden_states = true;
    const ModelOutput outputs = wav2vec2(inputs, with_layers);
    const Tensor hidden_states = projector(layer_weights_ ? weighted_sum(outputs) : outputs.at("last_hidden_state"));
    ModelOutput result;
    result.add("logits", classifier(pooled(hidden_states, inputs.find("attention_mask"))));
    if (call.output_hidden_states) result.add_from(outputs, {"hidden_states"});
    return result.add_from(outputs, {"attentions"});
  }

  const TFWav2Vec2MainLayer wav2vec2;

 private:
  const MaybeVariable layer_weights_;

 public:
  const Dense projector;
  const Dense classifier;

 private:
  /// v4's model holds it itself, beside its layers.
  static MaybeVariable layer_weights(const Scope& scope, const Config& config) {
    if (!config.flag("use_weighted_layer_sum", false)) return std::nullopt;
    return scope.outside_class("", "top_level_model_weights")
        .variable("layer_weights", "layer_weights", {num_hidden_layers(config) + 1});
  }

  /// The hidden states of all layers, each [batch, frames, hidden], by softmax(layer_weights).
  Tensor weighted_sum(const ModelOutput& outputs) const {
    std::vector<Tensor> layers;
    for (const ModelOutput::Field& field : outputs.fields()) {
      if (field.name == "hidden_states") layers = field.tensors;
    }
    const Tensor stacked = tf::stack(layers);  // [layers, batch, frames, hidden]
    const Tensor weights = tf::softmax(ModelGraph::of(stacked).value(*layer_weights_));
    return tf::reduce_sum(stacked * tf::reshape(weights, {-1, 1, 1, 1}), {0}, /*keep_dims=*/false);
  }

  /// The mean over the frames that hold sounds: [batch, frames, features] -> [batch, features]
  Tensor pooled(const Tensor& hidden_states, const MaybeTensor& attention_mask) const {
    if (!attention_mask) return tf::reduce_mean(hidden_states, {1}, /*keep_dims=*/false);
    const Tensor mask = tf::expand_dims(wav2vec2.frame_mask_of(*attention_mask, hidden_states), 2);
    return tf::reduce_sum(hidden_states * mask, {1}, /*keep_dims=*/false) /
           tf::reduce_sum(mask, {1}, /*keep_dims=*/false);
  }
};

}  // namespace

Architecture modeling_tf_wav2vec2() {
  return {.model_type = "wav2vec2",
          .base_model_prefix = "wav2vec2",
          .source = "transformers/models/wav2vec2/modeling_wav2vec2.py, 4.57.6",
          .ignores = {{"quantizer.", "of the pretraining, which TensorFlow's classes lack"},
                      {"project_hid.", "of the pretraining, which TensorFlow's classes lack"},
                      {"project_q.", "of the pretraining, which TensorFlow's classes lack"}},
          .heads = {
              head<BaseModel<TFWav2Vec2PreTrainedModel>>("TFWav2Vec2Model", {"TFAutoModel"}),
              head<TFWav2Vec2ForCTC>("TFWav2Vec2ForCTC", {}),
              head<TFWav2Vec2ForSequenceClassification>("TFWav2Vec2ForSequenceClassification",
                                                        {"TFAutoModelForAudioClassification"}),
          }};
}

}  // namespace crossload::models

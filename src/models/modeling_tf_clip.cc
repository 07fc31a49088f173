// CLIP, as transformers/models/clip/modeling_clip.py of Transformers 4.57.6 has it.
//
// One tower reads texts, one sees images; each is a model of its own too (model types clip_text_model and
// clip_vision_model, or the part of a whole CLIP's config.json and weights). Images have the size that the
// configuration says: positions are not interpolated. The outputs of the towers that CLIPModel returns inside its own
// are called `text_model_output.last_hidden_state` and so on, as v4's SavedModels could not hold them at all.
#include "blocks/bart_block.h"
#include "blocks/heads.h"
#include "keras/patch_convolution.h"

namespace crossload::models {
namespace {

using namespace blocks;  // NOLINT: blocks and layers are this file's vocabulary
using namespace keras;   // NOLINT

/// A tower's part of the configuration: the whole of it, or a member of CLIP's. Old files have a second member, which
/// counts instead of the first.
Config tower_config(const Config& config, const std::string& name) {
  if (config.model_type() != "clip") return config;
  for (const std::string& member : {name + "_dict", name}) {
    if (!config.has(member)) continue;
    const Json part = config.json().at(member);
    if (part.is_object()) return Config(part);
    throw Error(ErrorKind::kBadInput, "config.json: " + member + " is no object");
  }
  return Config(Json::object());
}

Config text_config(const Config& config) { return tower_config(config, "text_config"); }
Config vision_config(const Config& config) { return tower_config(config, "vision_config"); }

/// What the towers' fields default to when config.json lacks them.
struct TowerSizes {
  std::int64_t hidden_size;
  std::int64_t intermediate_size;
  std::int64_t num_attention_heads;
};

TowerSizes sizes_of(const Config& config, const TowerSizes& fallback) {
  return {config.integer("hidden_size", fallback.hidden_size),
          config.integer("intermediate_size", fallback.intermediate_size),
          config.integer("num_attention_heads", fallback.num_attention_heads)};
}

TowerSizes text_sizes(const Config& config) { return sizes_of(config, {512, 2048, 8}); }
TowerSizes vision_sizes(const Config& config) { return sizes_of(config, {768, 3072, 12}); }
double layer_norm_eps(const Config& config) { return config.number("layer_norm_eps", 1e-5); }
std::int64_t image_size(const Config& config) { return config.integer("image_size", 224); }
std::int64_t num_channels(const Config& config) { return config.integer("num_channels", 3); }

std::int64_t patch_size(const Config& config) {
  const std::int64_t size = config.integer("patch_size", 32);
  if (size > 0 && size <= image_size(config)) return size;
  throw Error(ErrorKind::kBadInput, "config.json: patch_size is " + std::to_string(size) + " for images of " +
                                        std::to_string(image_size(config)) + " pixels");
}

/// One class, and the patches.
std::int64_t num_positions(const Config& config) {
  const std::int64_t patches = image_size(config) / patch_size(config);
  return patches * patches + 1;
}

class TFCLIPVisionEmbeddings : public Module<TFCLIPVisionEmbeddings> {
 public:
  TFCLIPVisionEmbeddings(const Scope& scope, const Config& config)
      : Module(scope),
        hidden_size_(vision_sizes(config).hidden_size),
        num_positions_(num_positions(config)),
        class_embedding_(scope.variable("class_embedding", "class_embedding", {hidden_size_})),
        patch_embedding(scope / "patch_embedding", num_channels(config), hidden_size_, patch_size(config)),
        position_embedding(scope / "position_embedding", num_positions_, hidden_size_) {}

  /// [batch, channels, height, width] -> [batch, positions, hidden]
  Tensor call(const Tensor& pixel_values) const {
    tf::Graph& graph = pixel_values.graph();
    const Tensor patches = patch_embedding(pixel_values);  // [batch, hidden, rows, columns]
    const tf::Dim batch = tf::dims_of(patches)[0];
    const Tensor patch_embeds =
        tf::transpose(tf::reshape(patches, {batch, hidden_size_, num_positions_ - 1}), {0, 2, 1});
    const Tensor class_embeds =
        tf::broadcast_to(ModelGraph::of(pixel_values).value(class_embedding_), {batch, 1, hidden_size_});
    const Tensor position_ids = tf::expand_dims(tf::range(graph, num_positions_), 0);
    return tf::concat({class_embeds, patch_embeds}, /*axis=*/1) + position_embedding(position_ids);
  }

 private:
  const std::int64_t hidden_size_;
  const std::int64_t num_positions_;
  const Variable& class_embedding_;

 public:
  const PatchConvolution patch_embedding;
  const Embedding position_embedding;
};

class TFCLIPTextEmbeddings : public Module<TFCLIPTextEmbeddings> {
 public:
  TFCLIPTextEmbeddings(const Scope& scope, const Config& config)
      : Module(scope),
        token_embedding(scope / "token_embedding", config.integer("vocab_size", 49408), text_sizes(config).hidden_size,
                        "weight"),
        position_embedding(scope / "position_embedding", config.integer("max_position_embeddings", 77),
                           text_sizes(config).hidden_size) {}

  /// [batch, length] -> [batch, length, hidden]
  Tensor call(const ModelInputs& inputs) const {
    const Tensor words = token_embedding(inputs.at("input_ids"));
    return words + position_embedding(position_ids(inputs, words));
  }

  const Embedding token_embedding;
  const Embedding position_embedding;
};

/// PyTorch's CLIPAttention.
TFBartAttention attention(const Scope& scope, const Config& config, const TowerSizes& sizes) {
  return {scope,
          {"hidden_size", sizes.hidden_size, "num_attention_heads", sizes.num_attention_heads},
          config.number("attention_dropout", 0.0)};
}

class TFCLIPMLP : public Module<TFCLIPMLP> {
 public:
  TFCLIPMLP(const Scope& scope, const Config& config, const TowerSizes& sizes)
      : Module(scope),
        activation_fn(scope / "activation_fn", config.text("hidden_act", "quick_gelu")),
        fc1(scope / "fc1", sizes.hidden_size, sizes.intermediate_size),
        fc2(scope / "fc2", sizes.intermediate_size, sizes.hidden_size) {}

  Tensor call(const Tensor& hidden_states) const { return fc2(activation_fn(fc1(hidden_states))); }

  const Activation activation_fn;
  const Dense fc1;
  const Dense fc2;
};

class TFCLIPEncoderLayer : public Module<TFCLIPEncoderLayer> {
 public:
  TFCLIPEncoderLayer(const Scope& scope, const Config& config, const TowerSizes& sizes)
      : Module(scope),
        self_attn(attention(scope / "self_attn", config, sizes)),
        layer_norm1(scope / "layer_norm1", sizes.hidden_size, layer_norm_eps(config)),
        mlp(scope / "mlp", config, sizes),
        layer_norm2(scope / "layer_norm2", sizes.hidden_size, layer_norm_eps(config)) {}

  LayerOutput call(Tensor hidden_states, const MaybeTensor& attention_mask, const Call& call) const {
    const auto [attended, attn_weights] = self_attn(layer_norm1(hidden_states), MaybeTensor(), attention_mask, call);
    hidden_states = residual(attended, hidden_states);
    return {residual(mlp(layer_norm2(hidden_states)), hidden_states), attn_weights};
  }

  const TFBartAttention self_attn;
  const LayerNormalization layer_norm1;
  const TFCLIPMLP mlp;
  const LayerNormalization layer_norm2;
};

class TFCLIPEncoder : public Module<TFCLIPEncoder> {
 public:
  TFCLIPEncoder(const Scope& scope, const Config& config, const TowerSizes& sizes)
      : Module(scope),
        layers(
            layers_of<TFCLIPEncoderLayer>(scope / "layers", config.integer("num_hidden_layers", 12), config, sizes)) {}

  ModelOutput call(const Tensor& hidden_states, const MaybeTensor& attention_mask, const Call& call) const {
    return run_layers(layers, hidden_states, call, [&](const TFCLIPEncoderLayer& layer, const Tensor& states) {
      return layer(states, attention_mask, call);
    });
  }

  const std::vector<TFCLIPEncoderLayer> layers;
};

class TFCLIPTextTransformer : public Module<TFCLIPTextTransformer> {
 public:
  TFCLIPTextTransformer(const Scope& scope, const Config& config)
      : Module(scope),
        embeddings(scope / "embeddings", config),
        encoder(scope / "encoder", config, text_sizes(config)),
        final_layer_norm(scope / "final_layer_norm", text_sizes(config).hidden_size, layer_norm_eps(config)),
        eos_token_id_(config.integer("eos_token_id", 49407)) {}

  ModelOutput call(const ModelInputs& inputs, const Call& call) const {
    const Tensor& input_ids = inputs.at("input_ids");
    const Tensor hidden_states = embeddings(inputs);
    const ModelOutput encoder_outputs =
        encoder(hidden_states, MaybeTensor(mask_of(input_ids, inputs.find("attention_mask"))), call);
    const Tensor last_hidden_state = final_layer_norm(encoder_outputs.at("last_hidden_state"));
    ModelOutput result;
    result.add("last_hidden_state", last_hidden_state).add("pooler_output", pooled(last_hidden_state, input_ids));
    return result.add_from(encoder_outputs, {"hidden_states", "attentions"});
  }

  const TFCLIPTextEmbeddings embeddings;
  const TFCLIPEncoder encoder;
  const LayerNormalization final_layer_norm;

 private:
  /// The mask of later positions and that of padding, added: where both exclude a key the sum is minus infinity, so a
  /// row of padding attends to what only one of them excludes.
  static Tensor mask_of(const Tensor& input_ids, const MaybeTensor& attention_mask) {
    tf::Graph& graph = input_ids.graph();
    const Tensor ones = tf::fill(graph, {1, tf::dims_of(input_ids)[1]}, graph.constant(1.0F));
    const Tensor causal = causal_attention_mask(ones);  // [1, 1, queries, keys]
    return attention_mask ? extended_attention_mask(padding_mask(*attention_mask)) + causal : causal;
  }

  /// The states [batch, length, hidden] at the end of each text -> [batch, hidden]. The end is the first
  /// `eos_token_id`. Old configurations say 2, which never was the id: there it is the largest id.
  Tensor pooled(const Tensor& hidden_states, const Tensor& input_ids) const {
    tf::Graph& graph = input_ids.graph();
    const Tensor eos = graph.constant(static_cast<std::int32_t>(eos_token_id_));
    const Tensor marks = eos_token_id_ == 2 ? tf::cast(input_ids, tf::DataType::kInt32)
                                            : tf::cast(tf::equal(input_ids, eos), tf::DataType::kInt32);
    const Tensor end = tf::expand_dims(tf::argmax(marks, /*axis=*/1), 1);
    const Tensor positions = tf::expand_dims(tf::range(graph, tf::dims_of(input_ids)[1]), 0);
    const Tensor at_end = tf::cast(tf::equal(positions, end), tf::DataType::kFloat);  // one 1 a row
    return tf::reduce_sum(hidden_states * tf::expand_dims(at_end, 2), {1}, /*keep_dims=*/false);
  }

  const std::int64_t eos_token_id_;
};

class TFCLIPVisionTransformer : public Module<TFCLIPVisionTransformer> {
 public:
  TFCLIPVisionTransformer(const Scope& scope, const Config& config)
      : Module(scope),
        embeddings(scope / "embeddings", config),
        pre_layrnorm(scope / "pre_layrnorm", vision_sizes(config).hidden_size, layer_norm_eps(config)),
        encoder(scope / "encoder", config, vision_sizes(config)),
        post_layernorm(scope / "post_layernorm", vision_sizes(config).hidden_size, layer_norm_eps(config)) {}

  ModelOutput call(const ModelInputs& inputs, const Call& call) const {
    const Tensor hidden_states = pre_layrnorm(embeddings(inputs.at("pixel_values")));
    const ModelOutput encoder_outputs = encoder(hidden_states, MaybeTensor(), call);
    const Tensor& last_hidden_state = encoder_outputs.at("last_hidden_state");
    ModelOutput result;
    result.add("last_hidden_state", last_hidden_state)
        .add("pooler_output", post_layernorm(tf::select(last_hidden_state, /*axis=*/1, 0)));
    return result.add_from(encoder_outputs, {"hidden_states", "attentions"});
  }

  const TFCLIPVisionEmbeddings embeddings;
  const LayerNormalization pre_layrnorm;  // PyTorch's spelling
  const TFCLIPEncoder encoder;
  const LayerNormalization post_layernorm;
};

/// PyTorch's CLIPModel.
class TFCLIPMainLayer : public Module<TFCLIPMainLayer> {
 public:
  TFCLIPMainLayer(const Scope& scope, const Config& config)
      : Module(scope),
        logit_scale_(scope.variable("logit_scale", "logit_scale", {}, {.reshaped = {1}})),
        text_model(scope / "text_model", text_config(config)),
        vision_model(scope / "vision_model", vision_config(config)),
        visual_projection(scope / "visual_projection", vision_sizes(vision_config(config)).hidden_size,
                          projection_dim(config), /*bias=*/false),
        text_projection(scope / "text_projection", text_sizes(text_config(config)).hidden_size, projection_dim(config),
                        /*bias=*/false) {}

  ModelOutput call(const ModelInputs& inputs, const Call& call) const {
    const ModelOutput vision_outputs = vision_model(inputs, call);
    const ModelOutput text_outputs = text_model(inputs, call);
    const Tensor image_embeds = normalized(visual_projection(vision_outputs.at("pooler_output")));
    const Tensor text_embeds = normalized(text_projection(text_outputs.at("pooler_output")));
    const Tensor cosines = tf::matmul(text_embeds, image_embeds, /*transpose_a=*/false, /*transpose_b=*/true);
    const Tensor logits_per_text = cosines * tf::exp(ModelGraph::of(cosines).value(logit_scale_));

    ModelOutput result;
    result.add("logits_per_image", tf::transpose(logits_per_text, {1, 0}));  // [images, texts]
    result.add("logits_per_text", logits_per_text).add("text_embeds", text_embeds).add("image_embeds", image_embeds);
    add_tower(&result, "text_model_output", text_outputs);
    return add_tower(&result, "vision_model_output", vision_outputs);
  }

 private:
  const Variable& logit_scale_;

 public:
  const TFCLIPTextTransformer text_model;
  const TFCLIPVisionTransformer vision_model;
  const Dense visual_projection;
  const Dense text_projection;

 private:
  static std::int64_t projection_dim(const Config& config) { return config.integer("projection_dim", 512); }

  static Tensor normalized(const Tensor& x) {
    return x / tf::sqrt(tf::reduce_sum(tf::square(x), {-1}, /*keep_dims=*/true));
  }

  static ModelOutput& add_tower(ModelOutput* result, const std::string& name, const ModelOutput& outputs) {
    for (const ModelOutput::Field& field : outputs.fields()) {
      if (field.is_list) {
        result->add(name + "." + field.name, field.tensors);
      } else {
        result->add(name + "." + field.name, field.tensors.front());
      }
    }
    return *result;
  }
};

/// Of the size that the configuration says.
InputSpec pixel_values(const Config& config) {
  return {"pixel_values", tf::DataType::kFloat, {-1, num_channels(config), image_size(config), image_size(config)}};
}

class TFCLIPModel : public Model {
 public:
  TFCLIPModel(const Scope& scope, const Config& config)
      : Model(config, interface(vision_config(config))), clip(scope.in_tensorflow("clip"), config) {}

  ModelOutput call(const ModelInputs& inputs, const Call& call) const override { return clip(inputs, call); }

  const TFCLIPMainLayer clip;

 private:
  static Interface interface(const Config& vision) {
    Signature serving = token_inputs({"input_ids", "attention_mask"});
    serving.push_back(pixel_values(vision));
    return {serving,
            token_inputs({"position_ids"}),
            {{"input_ids", "pixel_values"}},
            {ones_for({"input_ids"})},
            {made_positions()}};
  }
};

class TFCLIPTextModel : public Model {
 public:
  TFCLIPTextModel(const Scope& scope, const Config& config)
      : Model(config, {token_inputs({"input_ids", "attention_mask"}),
                       token_inputs({"position_ids"}),
                       {{"input_ids"}},
                       {ones_for({"input_ids"})},
                       {made_positions()}}),
        text_model(scope.in_tensorflow("clip") / "text_model", text_config(config)) {}

  ModelOutput call(const ModelInputs& inputs, const Call& call) const override { return text_model(inputs, call); }

  const TFCLIPTextTransformer text_model;
};

class TFCLIPVisionModel : public Model {
 public:
  TFCLIPVisionModel(const Scope& scope, const Config& config)
      : Model(config, {{pixel_values(vision_config(config))}}),
        vision_model(scope.in_tensorflow("clip") / "vision_model", vision_config(config)) {}

  ModelOutput call(const ModelInputs& inputs, const Call& call) const override { return vision_model(inputs, call); }

  const TFCLIPVisionTransformer vision_model;
};

/// A class whose names all lie below the tower's.
template <class Tower>
Head tower(const std::string& name, const std::string& level) {
  Head tower = head<Tower>(name, {});
  tower.outer_level = level;
  return tower;
}

}  // namespace

Architecture modeling_tf_clip() {
  return {.model_type = "clip",
          .base_model_prefix = "",
          .source = "transformers/models/clip/modeling_clip.py, 4.57.6",
          .ignores = {{"position_ids", "a buffer of old versions: 0, 1, 2, ..."}},
          .heads =
              {
                  head<TFCLIPModel>("TFCLIPModel", {"TFAutoModel", "TFAutoModelForZeroShotImageClassification"}),
                  tower<TFCLIPTextModel>("TFCLIPTextModel", "text_model"),
                  tower<TFCLIPVisionModel>("TFCLIPVisionModel", "vision_model"),
              },
          .other_model_types = {"clip_text_model", "clip_vision_model"}};
}

}  // namespace crossload::models

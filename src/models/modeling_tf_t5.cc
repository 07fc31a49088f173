// T5, as transformers/models/t5/modeling_t5.py of Transformers 4.57.6 has it.
//
// Where v4's TensorFlow classes differ from PyTorch's, PyTorch is followed: the mask's lowest value is float32's (v4
// adds -1e9). Cached keys and values are not here.
#include <cmath>
#include <variant>

#include "blocks/heads.h"

namespace crossload::models {
namespace {

using namespace blocks;  // NOLINT: blocks and layers are this file's vocabulary
using namespace keras;   // NOLINT

std::int64_t vocab_size(const Config& config) { return config.integer("vocab_size", 32128); }
std::int64_t d_model(const Config& config) { return config.integer("d_model", 512); }
std::int64_t d_ff(const Config& config) { return config.integer("d_ff", 2048); }
std::int64_t num_layers(const Config& config) { return config.integer("num_layers", 6); }
std::int64_t num_decoder_layers(const Config& config) {
  return config.integer("num_decoder_layers", num_layers(config));
}
double dropout_rate(const Config& config) { return config.number("dropout_rate", 0.1); }
double layer_norm_epsilon(const Config& config) { return config.number("layer_norm_epsilon", 1e-6); }
std::string feed_forward_proj(const Config& config) { return config.text("feed_forward_proj", "relu"); }

/// "gated-gelu" and "gated-silu" are gated, "relu" is not.
bool is_gated_act(const Config& config) {
  return config.flag("is_gated_act", feed_forward_proj(config).starts_with("gated-"));
}

/// The activation's name. T5 1.1's "gated-gelu" means the tanh approximation.
std::string dense_act_fn(const Config& config) {
  const std::string projection = feed_forward_proj(config);
  const std::size_t dash = projection.find('-');
  const std::string named = dash == std::string::npos ? projection : projection.substr(dash + 1);
  return config.text("dense_act_fn", projection == "gated-gelu" ? "gelu_new" : named);
}

/// Scales by the root mean square, without mean and bias.
class TFT5LayerNorm : public Module<TFT5LayerNorm> {
 public:
  TFT5LayerNorm(const Scope& scope, const Config& config)
      : Module(scope),
        weight_(scope.variable("weight", "weight", {d_model(config)})),
        epsilon_(layer_norm_epsilon(config)) {}

  Tensor call(const Tensor& hidden_states) const {
    return row_wise(hidden_states, [&](const Tensor& rows) {
      const Tensor variance = tf::reduce_mean(tf::square(rows), {-1}, /*keep_dims=*/true);
      return ModelGraph::of(rows).value(weight_) * (rows * tf::rsqrt(variance + epsilon_));
    });
  }

 private:
  const Variable& weight_;
  const double epsilon_;
};

class TFT5DenseActDense : public Module<TFT5DenseActDense> {
 public:
  TFT5DenseActDense(const Scope& scope, const Config& config)
      : Module(scope),
        wi(scope / "wi", d_model(config), d_ff(config), /*bias=*/false),
        wo(scope / "wo", d_ff(config), d_model(config), /*bias=*/false),
        dropout(scope / "dropout", dropout_rate(config)),
        act(scope / "act", dense_act_fn(config)) {}

  Tensor call(const Tensor& hidden_states, const Call& call) const { return wo(dropout(act(wi(hidden_states)), call)); }

  const Dense wi;
  const Dense wo;
  const Dropout dropout;
  const Activation act;
};

class TFT5DenseGatedActDense : public Module<TFT5DenseGatedActDense> {
 public:
  TFT5DenseGatedActDense(const Scope& scope, const Config& config)
      : Module(scope),
        wi_0(scope / "wi_0", d_model(config), d_ff(config), /*bias=*/false),
        wi_1(scope / "wi_1", d_model(config), d_ff(config), /*bias=*/false),
        wo(scope / "wo", d_ff(config), d_model(config), /*bias=*/false),
        dropout(scope / "dropout", dropout_rate(config)),
        act(scope / "act", dense_act_fn(config)) {}

  Tensor call(const Tensor& hidden_states, const Call& call) const {
    const Tensor gate = act(wi_0(hidden_states));
    return wo(dropout(gate * wi_1(hidden_states), call));
  }

  const Dense wi_0;
  const Dense wi_1;
  const Dense wo;
  const Dropout dropout;
  const Activation act;
};

using FeedForward = std::variant<TFT5DenseActDense, TFT5DenseGatedActDense>;

FeedForward feed_forward(const Scope& scope, const Config& config) {
  if (is_gated_act(config)) return TFT5DenseGatedActDense(scope, config);
  return TFT5DenseActDense(scope, config);
}

class TFT5LayerFF : public Module<TFT5LayerFF> {
 public:
  TFT5LayerFF(const Scope& scope, const Config& config)
      : Module(scope),
        DenseReluDense(feed_forward(scope / "DenseReluDense", config)),
        layer_norm(scope / "layer_norm", config),
        dropout(scope / "dropout", dropout_rate(config)) {}

  Tensor call(const Tensor& hidden_states, const Call& call) const {
    const Tensor normed = layer_norm(hidden_states);
    const Tensor forwarded = std::visit([&](const auto& dense) { return dense(normed, call); }, DenseReluDense);
    return residual(dropout(forwarded, call), hidden_states);
  }

  const FeedForward DenseReluDense;
  const TFT5LayerNorm layer_norm;
  const Dropout dropout;
};

/// What attention returns: the hidden states [batch, queries, hidden], what was added to its scores and the
/// probabilities, both [batch, heads, queries, keys].
using Attended = std::tuple<Tensor, Tensor, Tensor>;

class TFT5Attention : public Module<TFT5Attention> {
 public:
  TFT5Attention(const Scope& scope, const Config& config, bool bidirectional, bool has_relative_attention_bias)
      : Module(scope),
        heads(config.integer("num_heads", 8), config.integer("d_kv", 64)),
        q(scope / "q", d_model(config), heads.width(), /*bias=*/false),
        k(scope / "k", d_model(config), heads.width(), /*bias=*/false),
        v(scope / "v", d_model(config), heads.width(), /*bias=*/false),
        o(scope / "o", heads.width(), d_model(config), /*bias=*/false),
        relative_attention_bias(maybe<Embedding>(has_relative_attention_bias, scope / "relative_attention_bias",
                                                 config.integer("relative_attention_num_buckets", 32), heads.count)),
        bidirectional_(bidirectional),
        num_buckets_(config.integer("relative_attention_num_buckets", 32)),
        max_distance_(config.integer("relative_attention_max_distance", 128)),
        dropout_rate_(dropout_rate(config)) {
    const std::int64_t exact = num_buckets_ / (bidirectional_ ? 4 : 2);
    if (has_relative_attention_bias && (exact < 1 || max_distance_ <= exact)) {
      throw Error(ErrorKind::kBadInput, "config.json: relative_attention_num_buckets " + std::to_string(num_buckets_) +
                                            " and relative_attention_max_distance " + std::to_string(max_distance_) +
                                            " do not fit");
    }
  }

  /// Attends to key_value_states, or to hidden_states themselves. Without position_bias, which later layers get from
  /// the first, makes it from the relative positions and the mask [batch, 1, 1 or queries, keys].
  Attended call(const Tensor& hidden_states, const Tensor& mask, const MaybeTensor& key_value_states,
                const MaybeTensor& position_bias, const Call& call) const {
    const Tensor& current_states = key_value_states ? *key_value_states : hidden_states;
    const Tensor query_states = split_heads(q(hidden_states), heads);
    const Tensor key_states = split_heads(k(current_states), heads);
    const Tensor value_states = split_heads(v(current_states), heads);

    const Tensor scores = attention_scores(query_states, key_states);
    const Tensor bias = position_bias ? *position_bias : compute_bias(scores) + mask;
    const Tensor attn_weights = dropout(tf::softmax(scores + bias), dropout_rate_, call);

    return {o(attend(attn_weights, value_states)), bias, attn_weights};
  }

  const Heads heads;
  const Dense q;
  const Dense k;
  const Dense v;
  const Dense o;
  const std::optional<Embedding> relative_attention_bias;

 private:
  /// [1, heads, queries, keys] for scores [batch, heads, queries, keys]; zeros where there are no relative positions.
  Tensor compute_bias(const Tensor& scores) const {
    tf::Graph& graph = scores.graph();
    const tf::Dims dims = tf::dims_of(scores);
    if (!relative_attention_bias) return tf::fill(graph, {1, heads.count, dims[2], dims[3]}, graph.constant(0.0F));
    const Tensor context_position = tf::expand_dims(tf::range(graph, dims[2]), 1);
    const Tensor memory_position = tf::expand_dims(tf::range(graph, dims[3]), 0);
    const Tensor values = (*relative_attention_bias)(relative_position_bucket(memory_position - context_position));
    return tf::expand_dims(tf::transpose(values, {2, 0, 1}), 0);
  }

  /// The number of the bucket of each distance: small distances have buckets of their own, larger ones share them by
  /// their logarithm. Bidirectional attention keeps half of the buckets for keys that come later.
  Tensor relative_position_bucket(const Tensor& relative_position) const {
    tf::Graph& graph = relative_position.graph();
    const auto number = [&](std::int64_t value) { return graph.constant(static_cast<std::int32_t>(value)); };
    const std::int64_t buckets = bidirectional_ ? num_buckets_ / 2 : num_buckets_;
    const std::int64_t max_exact = buckets / 2;
    const Tensor distance = bidirectional_ ? tf::abs(relative_position) : tf::maximum(-relative_position, number(0));
    const Tensor beyond = tf::cast(tf::maximum(distance, number(max_exact)), tf::DataType::kFloat);
    const double log_range = std::log(static_cast<double>(max_distance_) / static_cast<double>(max_exact));
    const Tensor shared =
        tf::cast(tf::log(beyond / max_exact) / log_range * (buckets - max_exact), tf::DataType::kInt32);
    const Tensor large = tf::minimum(shared + max_exact, number(buckets - 1));
    const Tensor bucket = tf::where(tf::less(distance, number(max_exact)), distance, large);
    if (!bidirectional_) return bucket;
    const Tensor is_later = tf::cast(tf::less(number(0), relative_position), tf::DataType::kInt32);
    return bucket + is_later * buckets;
  }

  const bool bidirectional_;
  const std::int64_t num_buckets_;
  const std::int64_t max_distance_;
  const double dropout_rate_;
};

class TFT5LayerSelfAttention : public Module<TFT5LayerSelfAttention> {
 public:
  TFT5LayerSelfAttention(const Scope& scope, const Config& config, bool is_decoder, bool has_relative_attention_bias)
      : Module(scope),
        SelfAttention(scope / "SelfAttention", config, /*bidirectional=*/!is_decoder, has_relative_attention_bias),
        layer_norm(scope / "layer_norm", config),
        dropout(scope / "dropout", dropout_rate(config)) {}

  Attended call(const Tensor& hidden_states, const Tensor& attention_mask, const MaybeTensor& position_bias,
                const Call& call) const {
    const auto [attended, bias, attn_weights] =
        SelfAttention(layer_norm(hidden_states), attention_mask, MaybeTensor(), position_bias, call);
    return {residual(dropout(attended, call), hidden_states), bias, attn_weights};
  }

  const TFT5Attention SelfAttention;
  const TFT5LayerNorm layer_norm;
  const Dropout dropout;
};

class TFT5LayerCrossAttention : public Module<TFT5LayerCrossAttention> {
 public:
  TFT5LayerCrossAttention(const Scope& scope, const Config& config)
      : Module(scope),
        EncDecAttention(scope / "EncDecAttention", config, /*bidirectional=*/false,
                        /*has_relative_attention_bias=*/false),
        layer_norm(scope / "layer_norm", config),
        dropout(scope / "dropout", dropout_rate(config)) {}

  Attended call(const Tensor& hidden_states, const MaybeTensor& key_value_states, const Tensor& attention_mask,
                const MaybeTensor& position_bias, const Call& call) const {
    const auto [attended, bias, attn_weights] =
        EncDecAttention(layer_norm(hidden_states), attention_mask, key_value_states, position_bias, call);
    return {residual(dropout(attended, call), hidden_states), bias, attn_weights};
  }

  const TFT5Attention EncDecAttention;
  const TFT5LayerNorm layer_norm;
  const Dropout dropout;
};

/// What the first block made for all.
struct PositionBias {
  MaybeTensor self;
  MaybeTensor cross;
};

class TFT5Block : public Module<TFT5Block> {
 public:
  TFT5Block(const Scope& scope, const Config& config, bool is_decoder, bool has_relative_attention_bias)
      : Module(scope),
        self_attention(scope / "layer" / 0, config, is_decoder, has_relative_attention_bias),
        cross_attention(maybe<TFT5LayerCrossAttention>(is_decoder, scope / "layer" / 1, config)),
        feed_forward(scope / "layer" / (is_decoder ? 2 : 1), config) {}

  /// The hidden states; bias and probabilities of the self-attention; those of the cross-attention where it runs.
  std::tuple<Tensor, Tensor, Tensor, MaybeTensor, MaybeTensor> call(Tensor hidden_states, const Memory& memory,
                                                                    const PositionBias& position_bias,
                                                                    const Call& call) const {
    const auto [self_output, self_bias, self_weights] =
        self_attention(hidden_states, *memory.attention_mask, position_bias.self, call);
    hidden_states = self_output;
    MaybeTensor cross_bias;
    MaybeTensor cross_weights;
    if (cross_attention) {
      std::tie(hidden_states, cross_bias, cross_weights) = (*cross_attention)(
          hidden_states, memory.encoder_hidden_states, *memory.encoder_attention_mask, position_bias.cross, call);
    }
    return {feed_forward(hidden_states, call), self_bias, self_weights, cross_bias, cross_weights};
  }

  // PyTorch has them in one list, `layer`.
  const TFT5LayerSelfAttention self_attention;
  const std::optional<TFT5LayerCrossAttention> cross_attention;
  const TFT5LayerFF feed_forward;
};

/// The encoder or the decoder; v4 calls it TFT5MainLayer.
class TFT5Stack : public Module<TFT5Stack> {
 public:
  TFT5Stack(const Scope& scope, const Config& config, const Embedding& shared, bool is_decoder)
      : Module(scope),
        embed_tokens(shared),
        final_layer_norm(scope / "final_layer_norm", config),
        dropout(scope / "dropout", dropout_rate(config)),
        is_decoder_(is_decoder) {
    for (std::int64_t i = 0; i < (is_decoder ? num_decoder_layers(config) : num_layers(config)); ++i) {
      block.emplace_back(scope / "block" / i, config, is_decoder, /*has_relative_attention_bias=*/i == 0);
    }
  }

  ModelOutput call(const ModelInputs& inputs, const Call& call) const {
    const Tensor words = embedded_words(inputs, embed_tokens);
    const Memory memory = memory_of(inputs, words);
    PositionBias position_bias;
    return run_layers(block, dropout(words, call), call,
                      [&](const TFT5Block& layer_module, const Tensor& states) {
                        const auto [output, self_bias, self_weights, cross_bias, cross_weights] =
                            layer_module(states, memory, position_bias, call);
                        position_bias = {self_bias, cross_bias};
                        return LayerOutput{output, self_weights, cross_weights};
                      },
                      {.finish = [&](const Tensor& states) { return dropout(final_layer_norm(states), call); }});
  }

  const Embedding& embed_tokens;  // of the model: PyTorch's stacks hold the module `shared` itself
  std::vector<TFT5Block> block;
  const TFT5LayerNorm final_layer_norm;
  const Dropout dropout;

 private:
  /// Without masks everything is attended to.
  Memory memory_of(const ModelInputs& inputs, const Tensor& embeddings) const {
    const Tensor attention_mask = padding_mask(mask_or_ones(inputs, "attention_mask", embeddings));
    if (!is_decoder_) return {extended_attention_mask(attention_mask), std::nullopt, std::nullopt};
    const Tensor& encoder_hidden_states = inputs.at("encoder_hidden_states");
    return {
        causal_attention_mask(attention_mask), encoder_hidden_states,
        extended_attention_mask(padding_mask(mask_or_ones(inputs, "encoder_attention_mask", encoder_hidden_states)))};
  }

  const bool is_decoder_;
};

class TFT5PreTrainedModel : public Model {
 public:
  explicit TFT5PreTrainedModel(const Config& config)
      : TFT5PreTrainedModel(
            config,
            {token_inputs({"input_ids", "attention_mask", "decoder_input_ids", "decoder_attention_mask"}),
             {states_input("inputs_embeds", d_model(config)), states_input("decoder_inputs_embeds", d_model(config)),
              states_input("encoder_outputs", d_model(config))},
             {{"input_ids", "decoder_input_ids"}, {"input_ids", "attention_mask", "decoder_input_ids"}},
             {ones_for({"input_ids", "inputs_embeds", "encoder_outputs"}),
              ones_for({"decoder_input_ids", "decoder_inputs_embeds"}, "decoder_attention_mask")},
             {made_embeds(), made_embeds("decoder_"), made_encoder_outputs("inputs_embeds")}}) {}

 protected:
  TFT5PreTrainedModel(const Config& config, const Interface& interface) : Model(config, interface) {
    if (config.flag("tie_encoder_decoder", false)) {
      throw Error(ErrorKind::kUnsupported, "config.json: tie_encoder_decoder true is not supported");
    }
  }

  /// The table of the word embeddings, which a checkpoint may hold under any of its names.
  static const Variable& shared_table(const Scope& scope, const Config& config) {
    return outside(scope).variable("embeddings",
                                   {"shared.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight"},
                                   {vocab_size(config), d_model(config)});
  }

  /// v4 makes that table outside the scope of the class, and Keras' weights files repeat it in both stacks.
  static Scope outside(const Scope& scope) { return scope.outside_class("shared/shared"); }
  static void shared_by(const Scope& scope, const std::string& stack) { (scope / stack).holds(outside(scope)); }
};

class TFT5Model : public TFT5PreTrainedModel {
 public:
  TFT5Model(const Scope& scope, const Config& config)
      : TFT5PreTrainedModel(config),
        shared(scope / "shared", shared_table(scope, config)),
        encoder(scope / "encoder", config, shared, /*is_decoder=*/false),
        decoder(scope / "decoder", config, shared, /*is_decoder=*/true) {
    shared_by(scope, "encoder");
    shared_by(scope, "decoder");
  }

  ModelOutput call(const ModelInputs& inputs, const Call& call) const override {
    const ModelOutput encoded = encoder_outputs(inputs, [&](const ModelInputs& given) { return encoder(given, call); });
    const ModelOutput decoder_outputs = decoder(decoder_inputs(inputs, encoded.at("last_hidden_state")), call);
    ModelOutput result;
    result.add("last_hidden_state", decoder_outputs.at("last_hidden_state"));
    return add_decoder_and_encoder(&result, decoder_outputs, encoded);
  }

  const Embedding shared;
  const TFT5Stack encoder;
  const TFT5Stack decoder;
};

class TFT5ForConditionalGeneration : public TFT5PreTrainedModel {
 public:
  TFT5ForConditionalGeneration(const Scope& scope, const Config& config)
      : TFT5PreTrainedModel(config),
        tied_(config.flag("tie_word_embeddings", true)),
        shared(scope / "shared", shared_table(scope, config)),
        encoder(scope / "encoder", config, shared, /*is_decoder=*/false),
        decoder(scope / "decoder", config, shared, /*is_decoder=*/true),
        lm_head(tied_ ? LMHead(LanguageModelDecoder(scope / "lm_head", shared, /*tied=*/true))
                      : LMHead(untied_head(scope / "lm_head", config, shared.table()))) {
    shared_by(scope, "encoder");
    shared_by(scope, "decoder");
  }

  ModelOutput call(const ModelInputs& inputs, const Call& call) const override {
    const ModelOutput encoded = encoder_outputs(inputs, [&](const ModelInputs& given) { return encoder(given, call); });
    const ModelOutput decoder_outputs = decoder(decoder_inputs(inputs, encoded.at("last_hidden_state")), call);
    Tensor sequence_output = decoder_outputs.at("last_hidden_state");
    if (tied_) sequence_output = sequence_output * std::pow(static_cast<double>(d_model(config())), -0.5);
    ModelOutput result;
    result.add("logits", std::visit([&](const auto& head) { return head(sequence_output); }, lm_head));
    return add_decoder_and_encoder(&result, decoder_outputs, encoded);
  }

 private:
  using LMHead = std::variant<LanguageModelDecoder, Dense>;

  /// Transformers 5 leaves out a head that is the same as the embeddings, also where it does not scale.
  static Dense untied_head(const Scope& scope, const Config& config, const Variable& shared) {
    if (config.has("scale_decoder_outputs")) scope.fall_back("weight", shared);
    return Dense(scope, d_model(config), vocab_size(config), /*bias=*/false);
  }

  const bool tied_;

 public:
  const Embedding shared;
  const TFT5Stack encoder;
  const TFT5Stack decoder;
  const LMHead lm_head;
};

class TFT5EncoderModel : public TFT5PreTrainedModel {
 public:
  TFT5EncoderModel(const Scope& scope, const Config& config)
      : TFT5PreTrainedModel(config, {token_inputs({"input_ids", "attention_mask"}),
                                     {states_input("inputs_embeds", d_model(config))},
                                     {{"input_ids"}},
                                     {ones_for({"input_ids", "inputs_embeds"})},
                                     {made_embeds()}}),
        shared(scope / "shared", shared_table(scope, config)),
        encoder(scope / "encoder", config, shared, /*is_decoder=*/false) {
    if (config.flag("is_decoder", false)) {
      throw Error(ErrorKind::kUnsupported, "config.json: is_decoder true is not supported by TFT5EncoderModel");
    }
    shared_by(scope, "encoder");
  }

  ModelOutput call(const ModelInputs& inputs, const Call& call) const override { return encoder(inputs, call); }

  const Embedding shared;
  const TFT5Stack encoder;
};

}  // namespace

Architecture modeling_tf_t5() {
  return {.model_type = "t5",
          .base_model_prefix = "",  // the heads hold encoder and decoder themselves
          .source = "transformers/models/t5/modeling_t5.py, 4.57.6",
          .ignores = {{"EncDecAttention.relative_attention_bias.weight",
                       "cross-attention has no relative positions; old checkpoints hold it"}},
          .heads = {
              head<TFT5Model>("TFT5Model", {"TFAutoModel"}),
              head<TFT5ForConditionalGeneration>(
                  "TFT5ForConditionalGeneration",
                  {"TFAutoModelForSeq2SeqLM", "TFAutoModelForPreTraining", "TFAutoModelWithLMHead"}),
              head<TFT5EncoderModel>("TFT5EncoderModel", {"TFAutoModelForTextEncoding"}),
          }};
}

}  // namespace crossload::models

// ELECTRA, as transformers/models/electra/modeling_electra.py of Transformers 4.57.6 has it.
//
// Where v4's TensorFlow classes differ from PyTorch's, PyTorch is followed: relative positions (position_embedding_type
// relative_key and relative_key_query, which v4's TFElectra ignores) and an output projection that is not tied to the
// word embeddings (tie_word_embeddings false) are here. Cached keys and values are not.
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
std::int64_t embedding_size(const Config& config) { return config.integer("embedding_size", 128); }
std::int64_t hidden_size(const Config& config) { return config.integer("hidden_size", 256); }
std::int64_t num_hidden_layers(const Config& config) { return config.integer("num_hidden_layers", 12); }
std::int64_t intermediate_size(const Config& config) { return config.integer("intermediate_size", 1024); }
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

/// As BERT's, but of a width of their own.
class TFElectraEmbeddings : public Module<TFElectraEmbeddings> {
 public:
  TFElectraEmbeddings(const Scope& scope, const Config& config)
      : Module(scope),
        word_embeddings(scope / "word_embeddings", vocab_size(config), embedding_size(config), "weight"),
        token_type_embeddings(scope / "token_type_embeddings", config.integer("type_vocab_size", 2),
                              embedding_size(config)),
        position_embeddings(scope / "position_embeddings", max_position_embeddings(config), embedding_size(config)),
        LayerNorm(scope / "LayerNorm", embedding_size(config), layer_norm_eps(config)),
        dropout(scope / "dropout", hidden_dropout_prob(config)),
        absolute_(position_embedding_type(config) == "absolute") {}

  Tensor call(const ModelInputs& inputs, bool training) const {
    const MaybeTensor inputs_embeds = inputs.find("inputs_embeds");
    const Tensor words = inputs_embeds ? *inputs_embeds : word_embeddings(inputs.at("input_ids"));
    tf::Graph& graph = words.graph();
    const tf::Dims dims = tf::dims_of(words);  // [batch, length, embedding]
    const MaybeTensor token_type_ids = inputs.find("token_type_ids");
    Tensor embeddings = words + token_type_embeddings(token_type_ids ? *token_type_ids
                                                                     : tf::fill(graph, {dims[0], dims[1]},
                                                                                graph.constant(std::int32_t{0})));
    if (absolute_) {
      const MaybeTensor position_ids = inputs.find("position_ids");
      embeddings = embeddings +
                   position_embeddings(position_ids ? *position_ids : tf::expand_dims(tf::range(graph, dims[1]), 0));
    }
    return dropout(LayerNorm(embeddings), training);
  }

  const Embedding word_embeddings;
  const Embedding token_type_embeddings;
  const Embedding position_embeddings;
  const LayerNormalization LayerNorm;
  const Dropout dropout;

 private:
  const bool absolute_;
};

// Copied from bert.TFBertSelfAttention with Bert->Electra, BERT->ELECTRA, 12)->4)
class TFElectraSelfAttention : public Module<TFElectraSelfAttention> {
 public:
  TFElectraSelfAttention(const Scope& scope, const Config& config, const std::string& position_embedding_type)
      : Module(scope),
        num_attention_heads_(config.integer("num_attention_heads", 4)),
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
                                               "\": ELECTRA has absolute, relative_key and relative_key_query");
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

// Copied from bert.TFBertSelfOutput with Bert->Electra
class TFElectraSelfOutput : public Module<TFElectraSelfOutput> {
 public:
  TFElectraSelfOutput(const Scope& scope, const Config& config)
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

// Copied from bert.TFBertAttention with Bert->Electra
class TFElectraAttention : public Module<TFElectraAttention> {
 public:
  TFElectraAttention(const Scope& scope, const Config& config, const std::string& position_embedding_type)
      : Module(scope), self(scope / "self", config, position_embedding_type), output(scope / "output", config) {}

  std::tuple<Tensor, Tensor> call(const Tensor& hidden_states, const MaybeTensor& attention_mask,
                                  const MaybeTensor& encoder_hidden_states, bool training) const {
    const auto [context, attention_probs] = self(hidden_states, attention_mask, encoder_hidden_states, training);
    return {output(context, hidden_states, training), attention_probs};
  }

  const TFElectraSelfAttention self;
  const TFElectraSelfOutput output;
};

// Copied from bert.TFBertIntermediate with Bert->Electra
class TFElectraIntermediate : public Module<TFElectraIntermediate> {
 public:
  TFElectraIntermediate(const Scope& scope, const Config& config)
      : Module(scope),
        dense(scope / "dense", hidden_size(config), intermediate_size(config)),
        intermediate_act_fn(scope / "intermediate_act_fn", hidden_act(config)) {}

  Tensor call(const Tensor& hidden_states) const { return intermediate_act_fn(dense(hidden_states)); }

  const Dense dense;
  const Activation intermediate_act_fn;
};

// Copied from bert.TFBertOutput with Bert->Electra
class TFElectraOutput : public Module<TFElectraOutput> {
 public:
  TFElectraOutput(const Scope& scope, const Config& config)
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

// Copied from bert.TFBertLayer with Bert->Electra
class TFElectraLayer : public Module<TFElectraLayer> {
 public:
  TFElectraLayer(const Scope& scope, const Config& config)
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

  const TFElectraAttention attention;
  std::optional<TFElectraAttention> crossattention;  // between attention and intermediate, as in PyTorch
  std::optional<TFElectraIntermediate> intermediate;
  std::optional<TFElectraOutput> output;
};

// Copied from bert.TFBertEncoder with Bert->Electra
class TFElectraEncoder : public Module<TFElectraEncoder> {
 public:
  TFElectraEncoder(const Scope& scope, const Config& config) : Module(scope) {
    for (std::int64_t i = 0; i < num_hidden_layers(config); ++i) layer.emplace_back(scope / "layer" / i, config);
  }

  ModelOutput call(Tensor hidden_states, const Memory& memory, const ModelInputs& options, bool training) const {
    std::vector<Tensor> all_hidden_states;
    std::vector<Tensor> all_attentions;
    std::vector<Tensor> all_cross_attentions;
    for (const TFElectraLayer& layer_module : layer) {
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

  std::vector<TFElectraLayer> layer;
};

/// Was a token replaced? One score for each.
class TFElectraDiscriminatorPredictions : public Module<TFElectraDiscriminatorPredictions> {
 public:
  TFElectraDiscriminatorPredictions(const Scope& scope, const Config& config)
      : Module(scope),
        dense(scope / "dense", hidden_size(config), hidden_size(config)),
        activation(scope / "activation", hidden_act(config)),
        dense_prediction(scope / "dense_prediction", hidden_size(config), 1) {}

  /// [batch, length, hidden] -> [batch, length]
  Tensor call(const Tensor& hidden_states) const {
    return tf::squeeze(dense_prediction(activation(dense(hidden_states))), /*axis=*/-1);
  }

  const Dense dense;
  const Activation activation;
  const Dense dense_prediction;
};

class TFElectraGeneratorPredictions : public Module<TFElectraGeneratorPredictions> {
 public:
  TFElectraGeneratorPredictions(const Scope& scope, const Config& config)
      : Module(scope),
        activation(scope / "activation", "gelu"),
        LayerNorm(scope / "LayerNorm", embedding_size(config), layer_norm_eps(config)),
        dense(scope / "dense", hidden_size(config), embedding_size(config)) {}

  /// [batch, length, hidden] -> [batch, length, embedding]
  Tensor call(const Tensor& hidden_states) const { return LayerNorm(activation(dense(hidden_states))); }

  const Activation activation;
  const LayerNormalization LayerNorm;
  const Dense dense;
};

class TFElectraMainLayer : public Module<TFElectraMainLayer> {
 public:
  TFElectraMainLayer(const Scope& scope, const Config& config)
      : Module(scope),
        scope_(scope),
        embeddings(scope / "embeddings", config),
        embeddings_project(projection(scope / "embeddings_project", config)),
        encoder(scope / "encoder", config),
        is_decoder_(is_decoder(config)) {}

  ModelOutput call(const ModelInputs& inputs, bool training) const {
    Tensor hidden_states = embeddings(inputs, training);
    if (embeddings_project) hidden_states = (*embeddings_project)(hidden_states);
    return encoder(hidden_states, memory(inputs, hidden_states), inputs, training);
  }

  /// Keras' weights file repeats the embeddings below a layer that holds them.
  void embeddings_held_by(const Scope& layer) const { layer.holds(scope_ / "embeddings"); }

 private:
  static std::optional<Dense> projection(const Scope& scope, const Config& config) {
    if (embedding_size(config) == hidden_size(config)) return std::nullopt;
    return Dense(scope, embedding_size(config), hidden_size(config));
  }

  Memory memory(const ModelInputs& inputs, const Tensor& hidden_states) const {
    Memory memory;
    MaybeTensor attention_mask = inputs.find("attention_mask");
    if (!is_decoder_) {
      if (attention_mask) memory.attention_mask = extended_attention_mask(*attention_mask);
      return memory;
    }
    tf::Graph& graph = hidden_states.graph();
    const tf::Dims dims = tf::dims_of(hidden_states);
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
  const TFElectraEmbeddings embeddings;
  const std::optional<Dense> embeddings_project;  // where the two widths differ
  const TFElectraEncoder encoder;

 private:
  const bool is_decoder_;
};

class TFElectraClassificationHead : public Module<TFElectraClassificationHead> {
 public:
  TFElectraClassificationHead(const Scope& scope, const Config& config)
      : Module(scope),
        dense(scope / "dense", hidden_size(config), hidden_size(config)),
        activation(scope / "activation", "gelu"),
        dropout(scope / "dropout", classifier_dropout(config)),
        out_proj(scope / "out_proj", hidden_size(config), config.num_labels()) {}

  /// [batch, length, hidden] -> [batch, labels], from the first token
  Tensor call(const Tensor& features, bool training) const {
    const Tensor first_token = tf::select(features, /*axis=*/1, /*index=*/0);
    return out_proj(dropout(activation(dense(dropout(first_token, training))), training));
  }

  const Dense dense;
  const Activation activation;
  const Dropout dropout;
  const Dense out_proj;
};

/// One vector for a sequence, as the summary_... fields of the configuration say.
class TFElectraSequenceSummary : public Module<TFElectraSequenceSummary> {
 public:
  TFElectraSequenceSummary(const Scope& scope, const Config& config)
      : Module(scope),
        summary_type_(config.text("summary_type", "first")),
        no_summary_(scope / "summary", "linear"),
        activation(scope / "activation", activation_name(config)),
        first_dropout(scope / "first_dropout", config.number("summary_first_dropout", 0.0)),
        last_dropout(scope / "last_dropout", config.number("summary_last_dropout", 0.1)) {
    if (summary_type_ != "last" && summary_type_ != "first" && summary_type_ != "mean" &&
        summary_type_ != "cls_index") {
      throw Error(ErrorKind::kUnsupported,
                  "summary_type \"" + summary_type_ + "\": ELECTRA has last, first, mean and cls_index");
    }
    if (!is_null(config, "summary_use_proj") && config.flag("summary_use_proj", true)) {
      const bool to_labels = config.flag("summary_proj_to_labels", false) && config.num_labels() > 0;
      summary.emplace(scope / "summary", hidden_size(config), to_labels ? config.num_labels() : hidden_size(config));
    }
  }

  /// [batch, length, hidden] -> [batch, features]
  Tensor call(const Tensor& hidden_states, bool training) const {
    const Tensor output = first_dropout(extract(hidden_states), training);
    return last_dropout(activation(summary ? (*summary)(output) : no_summary_(output)), training);
  }

 private:
  /// Fields whose default is not None but that may be it.
  static bool is_null(const Config& config, const std::string& name) {
    return config.json().contains(name) && !config.has(name);
  }

  static std::string activation_name(const Config& config) {
    const std::string name = is_null(config, "summary_activation") ? "" : config.text("summary_activation", "gelu");
    return name.empty() ? "linear" : name;
  }

  /// cls_index means the last token when no index is given, and no head gives one.
  Tensor extract(const Tensor& hidden_states) const {
    if (summary_type_ == "mean") return tf::reduce_mean(hidden_states, {1}, /*keep_dims=*/false);
    return tf::select(hidden_states, /*axis=*/1, summary_type_ == "first" ? 0 : -1);
  }

  const std::string summary_type_;
  const Activation no_summary_;  // nn.Identity in PyTorch, under the same name

 public:
  std::optional<Dense> summary;
  const Activation activation;
  const Dropout first_dropout;
  const Dropout last_dropout;
};

// Copied from albert.TFAlbertPreTrainedModel with Albert->Electra
class TFElectraPreTrainedModel : public TFPreTrainedModel {
 public:
  using TFPreTrainedModel::TFPreTrainedModel;

  Signature serving() const override {
    return token_inputs({"input_ids", "attention_mask", "token_type_ids"}, /*rank=*/2);
  }

  Signature inputs() const override {
    Signature all = serving();
    all.push_back({"position_ids", tf::DataType::kInt32, {-1, -1}});
    all.push_back({"inputs_embeds", tf::DataType::kFloat, {-1, -1, embedding_size(config())}});
    return all;
  }

  std::vector<Signature> other_calls() const override {
    const Signature all = serving();
    return {{all[0]}, {all[0], all[1]}};
  }
};

/// The one class here that may attend to an encoder.
class TFElectraModel : public TFElectraPreTrainedModel {
 public:
  TFElectraModel(const Scope& scope, const Config& config)
      : TFElectraPreTrainedModel(config), electra(scope.in_tensorflow("electra"), config) {}

  Signature inputs() const override {
    Signature all = TFElectraPreTrainedModel::inputs();
    if (is_decoder(config())) {
      const Signature memory = encoder_inputs();
      all.insert(all.end(), memory.begin(), memory.end());
    }
    return all;
  }

  std::vector<Signature> other_calls() const override {
    std::vector<Signature> calls = TFElectraPreTrainedModel::other_calls();
    if (add_cross_attention(config())) {
      const Signature memory = encoder_inputs();
      calls.push_back(serving());
      calls.back().insert(calls.back().end(), memory.begin(), memory.end());
    }
    return calls;
  }

  ModelOutput call(const ModelInputs& inputs, bool training) const override { return electra(inputs, training); }

 private:
  Signature encoder_inputs() const {
    return {{"encoder_hidden_states", tf::DataType::kFloat, {-1, -1, hidden_size(config())}},
            {"encoder_attention_mask", tf::DataType::kInt32, {-1, -1}}};
  }

 public:
  const TFElectraMainLayer electra;
};

class TFElectraForPreTraining : public TFElectraPreTrainedModel {
 public:
  TFElectraForPreTraining(const Scope& scope, const Config& config)
      : TFElectraPreTrainedModel(config),
        electra(scope / "electra", config),
        discriminator_predictions(scope / "discriminator_predictions", config) {}

  ModelOutput call(const ModelInputs& inputs, bool training) const override {
    const ModelOutput outputs = electra(inputs, training);
    ModelOutput result;
    result.add("logits", discriminator_predictions(outputs.at("last_hidden_state")));
    return result.add_from(outputs, {"hidden_states", "attentions"});
  }

  const TFElectraMainLayer electra;
  const TFElectraDiscriminatorPredictions discriminator_predictions;
};

class TFElectraForMaskedLM : public TFElectraPreTrainedModel {
 public:
  TFElectraForMaskedLM(const Scope& scope, const Config& config)
      : TFElectraPreTrainedModel(config),
        electra(scope / "electra", config),
        generator_predictions(scope / "generator_predictions", config),
        generator_lm_head(scope / "generator_lm_head", electra.embeddings.word_embeddings,
                          (scope / "generator_lm_head").variable("bias", "bias", {vocab_size(config)}),
                          config.flag("tie_word_embeddings", true)) {
    electra.embeddings_held_by(scope / "generator_lm_head");
  }

  ModelOutput call(const ModelInputs& inputs, bool training) const override {
    const ModelOutput outputs = electra(inputs, training);
    ModelOutput result;
    result.add("logits", generator_lm_head(generator_predictions(outputs.at("last_hidden_state"))));
    return result.add_from(outputs, {"hidden_states", "attentions"});
  }

  const TFElectraMainLayer electra;
  const TFElectraGeneratorPredictions generator_predictions;
  const LanguageModelDecoder generator_lm_head;
};

class TFElectraForSequenceClassification : public TFElectraPreTrainedModel {
 public:
  TFElectraForSequenceClassification(const Scope& scope, const Config& config)
      : TFElectraPreTrainedModel(config),
        electra(scope / "electra", config),
        classifier(scope / "classifier", config) {}

  ModelOutput call(const ModelInputs& inputs, bool training) const override {
    const ModelOutput outputs = electra(inputs, training);
    ModelOutput result;
    result.add("logits", classifier(outputs.at("last_hidden_state"), training));
    return result.add_from(outputs, {"hidden_states", "attentions"});
  }

  const TFElectraMainLayer electra;
  const TFElectraClassificationHead classifier;
};

class TFElectraForMultipleChoice : public TFElectraPreTrainedModel {
 public:
  TFElectraForMultipleChoice(const Scope& scope, const Config& config)
      : TFElectraPreTrainedModel(config),
        electra(scope / "electra", config),
        sequence_summary(scope / "sequence_summary", config),
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
    const ModelOutput outputs = electra(flat, training);
    const Tensor logits = classifier(sequence_summary(outputs.at("last_hidden_state"), training));
    ModelOutput result;
    result.add("logits", tf::reshape(logits, {-1, num_choices}));
    return result.add_from(outputs, {"hidden_states", "attentions"});
  }

  const TFElectraMainLayer electra;
  const TFElectraSequenceSummary sequence_summary;
  const Dense classifier;
};

class TFElectraForTokenClassification : public TFElectraPreTrainedModel {
 public:
  TFElectraForTokenClassification(const Scope& scope, const Config& config)
      : TFElectraPreTrainedModel(config),
        electra(scope / "electra", config),
        dropout(scope / "dropout", classifier_dropout(config)),
        classifier(scope / "classifier", hidden_size(config), config.num_labels()) {}

  ModelOutput call(const ModelInputs& inputs, bool training) const override {
    const ModelOutput outputs = electra(inputs, training);
    ModelOutput result;
    result.add("logits", classifier(dropout(outputs.at("last_hidden_state"), training)));
    return result.add_from(outputs, {"hidden_states", "attentions"});
  }

  const TFElectraMainLayer electra;
  const Dropout dropout;
  const Dense classifier;
};

class TFElectraForQuestionAnswering : public TFElectraPreTrainedModel {
 public:
  TFElectraForQuestionAnswering(const Scope& scope, const Config& config)
      : TFElectraPreTrainedModel(config),
        electra(scope / "electra", config),
        qa_outputs(scope / "qa_outputs", hidden_size(config), config.num_labels()) {
    if (config.num_labels() != 2) {
      throw Error(ErrorKind::kBadInput, "config.json: question answering needs 2 labels (start, end), not " +
                                            std::to_string(config.num_labels()));
    }
  }

  ModelOutput call(const ModelInputs& inputs, bool training) const override {
    const ModelOutput outputs = electra(inputs, training);
    const Tensor logits = qa_outputs(outputs.at("last_hidden_state"));  // [batch, length, 2]
    ModelOutput result;
    result.add("start_logits", tf::select(logits, /*axis=*/2, /*index=*/0));
    result.add("end_logits", tf::select(logits, /*axis=*/2, /*index=*/1));
    return result.add_from(outputs, {"hidden_states", "attentions"});
  }

  const TFElectraMainLayer electra;
  const Dense qa_outputs;
};

}  // namespace

Architecture modeling_tf_electra() {
  const std::pair<std::string, std::string> position_ids = {"embeddings.position_ids", "a buffer: 0, 1, 2, ..."};
  const std::pair<std::string, std::string> no_discriminator = {"discriminator_predictions.",
                                                                "of the discriminator's pre-training"};
  const std::pair<std::string, std::string> no_generator = {"generator_predictions.",
                                                            "of the generator's pre-training"};
  const std::pair<std::string, std::string> no_lm_head = {"generator_lm_head.", "of the generator's pre-training"};
  return {"electra",
          "electra",
          "transformers/models/electra/modeling_electra.py, 4.57.6",
          {
              head<TFElectraModel>("TFElectraModel", {"TFAutoModel", "TFAutoModelForTextEncoding"},
                                   {position_ids,
                                    no_discriminator,
                                    no_generator,
                                    no_lm_head,
                                    {"sequence_summary.", "a head's, which this class lacks"},
                                    {"classifier.", "a head's, which this class lacks"},
                                    {"qa_outputs.", "a head's, which this class lacks"}}),
              head<TFElectraForPreTraining>("TFElectraForPreTraining", {"TFAutoModelForPreTraining"},
                                            {position_ids, no_generator, no_lm_head}),
              head<TFElectraForMaskedLM>("TFElectraForMaskedLM", {"TFAutoModelForMaskedLM", "TFAutoModelWithLMHead"},
                                         {position_ids, no_discriminator}),
              head<TFElectraForSequenceClassification>("TFElectraForSequenceClassification",
                                                       {"TFAutoModelForSequenceClassification"},
                                                       {position_ids, no_discriminator, no_generator, no_lm_head}),
              head<TFElectraForMultipleChoice>("TFElectraForMultipleChoice", {"TFAutoModelForMultipleChoice"},
                                               {position_ids, no_discriminator, no_generator, no_lm_head}),
              head<TFElectraForTokenClassification>("TFElectraForTokenClassification",
                                                    {"TFAutoModelForTokenClassification"},
                                                    {position_ids, no_discriminator, no_generator, no_lm_head}),
              head<TFElectraForQuestionAnswering>("TFElectraForQuestionAnswering", {"TFAutoModelForQuestionAnswering"},
                                                  {position_ids, no_discriminator, no_generator, no_lm_head}),
          }};
}

}  // namespace crossload::models

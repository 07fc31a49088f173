// ALBERT, as transformers/models/albert/modeling_albert.py of Transformers 4.57.6 has it.
//
// Layers are shared: num_hidden_layers calls go through num_hidden_groups groups of inner_group_num layers each, so a
// variable is used, and a module is called, several times.
//
// Where v4's TensorFlow classes differ from PyTorch's, PyTorch is followed: relative positions (position_embedding_type
// relative_key and relative_key_query, which v4's TFAlbert ignores), an output projection that is not tied to the word
// embeddings (tie_word_embeddings false), and the mask's lowest value (float32's lowest, not -10000).
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

std::int64_t vocab_size(const Config& config) { return config.integer("vocab_size", 30000); }
std::int64_t embedding_size(const Config& config) { return config.integer("embedding_size", 128); }
std::int64_t hidden_size(const Config& config) { return config.integer("hidden_size", 4096); }
std::int64_t num_hidden_layers(const Config& config) { return config.integer("num_hidden_layers", 12); }
std::int64_t num_hidden_groups(const Config& config) { return config.integer("num_hidden_groups", 1); }
std::int64_t intermediate_size(const Config& config) { return config.integer("intermediate_size", 16384); }
std::int64_t max_position_embeddings(const Config& config) { return config.integer("max_position_embeddings", 512); }
double layer_norm_eps(const Config& config) { return config.number("layer_norm_eps", 1e-12); }
double hidden_dropout_prob(const Config& config) { return config.number("hidden_dropout_prob", 0.0); }
double classifier_dropout(const Config& config) { return config.number("classifier_dropout_prob", 0.1); }
std::string hidden_act(const Config& config) { return config.text("hidden_act", "gelu_new"); }
std::string position_embedding_type(const Config& config) { return config.text("position_embedding_type", "absolute"); }

class TFAlbertEmbeddings : public Module<TFAlbertEmbeddings> {
 public:
  TFAlbertEmbeddings(const Scope& scope, const Config& config)
      : Module(scope),
        word_embeddings(scope / "word_embeddings", vocab_size(config), embedding_size(config), "weight"),
        token_type_embeddings(scope / "token_type_embeddings", config.integer("type_vocab_size", 2),
                              embedding_size(config)),
        position_embeddings(scope / "position_embeddings", max_position_embeddings(config), embedding_size(config)),
        LayerNorm(scope / "LayerNorm", embedding_size(config), layer_norm_eps(config)),
        dropout(scope / "dropout", hidden_dropout_prob(config)),
        absolute_(position_embedding_type(config) == "absolute") {}

  /// ids [batch, length] -> [batch, length, embedding]
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

class TFAlbertAttention : public Module<TFAlbertAttention> {
 public:
  TFAlbertAttention(const Scope& scope, const Config& config)
      : Module(scope),
        num_attention_heads_(config.integer("num_attention_heads", 64)),
        attention_head_size_(head_size(scope, hidden_size(config), num_attention_heads_)),
        query(scope / "query", hidden_size(config), hidden_size(config)),
        key(scope / "key", hidden_size(config), hidden_size(config)),
        value(scope / "value", hidden_size(config), hidden_size(config)),
        attention_dropout(scope / "attention_dropout", config.number("attention_probs_dropout_prob", 0.0)),
        output_dropout(scope / "output_dropout", hidden_dropout_prob(config)),
        dense(scope / "dense", hidden_size(config), hidden_size(config)),
        LayerNorm(scope / "LayerNorm", hidden_size(config), layer_norm_eps(config)),
        relative_to_key_(position_embedding_type(config) == "relative_key_query"),
        max_position_embeddings_(max_position_embeddings(config)) {
    const std::string type = position_embedding_type(config);
    if (type == "relative_key" || relative_to_key_) {
      distance_embedding.emplace(scope / "distance_embedding", 2 * max_position_embeddings_ - 1, attention_head_size_);
    } else if (type != "absolute") {
      throw Error(ErrorKind::kUnsupported,
                  "position_embedding_type \"" + type + "\": ALBERT has absolute, relative_key and relative_key_query");
    }
  }

  /// hidden_states [batch, length, hidden] -> the same shape, and the probabilities [batch, heads, queries, keys]
  std::tuple<Tensor, Tensor> call(const Tensor& hidden_states, const MaybeTensor& attention_mask, bool training) const {
    const Tensor query_layer = transpose_for_scores(query(hidden_states));
    const Tensor key_layer = transpose_for_scores(key(hidden_states));
    const Tensor value_layer = transpose_for_scores(value(hidden_states));

    Tensor attention_scores = tf::matmul(query_layer, key_layer, /*transpose_a=*/false, /*transpose_b=*/true);
    attention_scores = attention_scores / std::sqrt(static_cast<double>(attention_head_size_));
    if (attention_mask) attention_scores = attention_scores + *attention_mask;
    // Unlike BERT's, the relative scores are not scaled.
    if (distance_embedding) attention_scores = attention_scores + relative_scores(query_layer, key_layer);
    const Tensor attention_probs = attention_dropout(tf::softmax(attention_scores), training);

    const Tensor context = tf::transpose(tf::matmul(attention_probs, value_layer), {0, 2, 1, 3});
    const Tensor projected = dense(tf::reshape(context, tf::dims_of(hidden_states)));
    return {LayerNorm(hidden_states + output_dropout(projected, training)), attention_probs};
  }

 private:
  const std::int64_t num_attention_heads_;
  const std::int64_t attention_head_size_;

 public:
  const Dense query;
  const Dense key;
  const Dense value;
  const Dropout attention_dropout;
  const Dropout output_dropout;
  const Dense dense;
  const LayerNormalization LayerNorm;
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

class TFAlbertLayer : public Module<TFAlbertLayer> {
 public:
  TFAlbertLayer(const Scope& scope, const Config& config)
      : Module(scope),
        full_layer_layer_norm(scope / "full_layer_layer_norm", hidden_size(config), layer_norm_eps(config)),
        attention(scope / "attention", config),
        ffn(scope / "ffn", hidden_size(config), intermediate_size(config)),
        ffn_output(scope / "ffn_output", intermediate_size(config), hidden_size(config)),
        activation(scope / "activation", hidden_act(config)) {}

  std::tuple<Tensor, Tensor> call(const Tensor& hidden_states, const MaybeTensor& attention_mask, bool training) const {
    const auto [attention_output, attention_probs] = attention(hidden_states, attention_mask, training);
    const Tensor fed_forward = ffn_output(activation(ffn(attention_output)));
    return {full_layer_layer_norm(fed_forward + attention_output), attention_probs};
  }

  const LayerNormalization full_layer_layer_norm;
  const TFAlbertAttention attention;
  const Dense ffn;
  const Dense ffn_output;
  const Activation activation;
};

class TFAlbertLayerGroup : public Module<TFAlbertLayerGroup> {
 public:
  TFAlbertLayerGroup(const Scope& scope, const Config& config) : Module(scope) {
    for (std::int64_t i = 0; i < config.integer("inner_group_num", 1); ++i) {
      albert_layers.emplace_back(scope / "albert_layers" / i, config);
    }
  }

  /// The hidden states after the group, those after each of its layers, and the layers' attention probabilities.
  std::tuple<Tensor, std::vector<Tensor>, std::vector<Tensor>> call(Tensor hidden_states,
                                                                    const MaybeTensor& attention_mask,
                                                                    const ModelInputs& options, bool training) const {
    std::vector<Tensor> layer_hidden_states;
    std::vector<Tensor> layer_attentions;
    for (const TFAlbertLayer& albert_layer : albert_layers) {
      const auto [layer_output, attention_probs] = albert_layer(hidden_states, attention_mask, training);
      hidden_states = layer_output;
      if (options.output_hidden_states) layer_hidden_states.push_back(hidden_states);
      if (options.output_attentions) layer_attentions.push_back(attention_probs);
    }
    return {hidden_states, layer_hidden_states, layer_attentions};
  }

  std::vector<TFAlbertLayer> albert_layers;
};

class TFAlbertTransformer : public Module<TFAlbertTransformer> {
 public:
  TFAlbertTransformer(const Scope& scope, const Config& config)
      : Module(scope),
        embedding_hidden_mapping_in(scope / "embedding_hidden_mapping_in", embedding_size(config), hidden_size(config)),
        num_hidden_layers_(num_hidden_layers(config)) {
    const std::int64_t groups = num_hidden_groups(config);
    if (groups <= 0 || groups > num_hidden_layers_) {
      throw Error(ErrorKind::kBadInput, "config.json: num_hidden_groups " + std::to_string(groups) +
                                            " is not between 1 and num_hidden_layers " +
                                            std::to_string(num_hidden_layers_));
    }
    for (std::int64_t i = 0; i < groups; ++i) {
      albert_layer_groups.emplace_back(scope / "albert_layer_groups" / i, config);
    }
  }

  ModelOutput call(const Tensor& embedding_output, const MaybeTensor& attention_mask, const ModelInputs& options,
                   bool training) const {
    Tensor hidden_states = embedding_hidden_mapping_in(embedding_output);
    std::vector<Tensor> all_hidden_states;
    std::vector<Tensor> all_attentions;
    if (options.output_hidden_states) all_hidden_states.push_back(hidden_states);
    for (std::int64_t i = 0; i < num_hidden_layers_; ++i) {
      const auto [group_output, inner_hidden_states, attentions] =
          group_of_layer(i)(hidden_states, attention_mask, options, training);
      hidden_states = group_output;
      if (options.output_hidden_states) all_hidden_states.push_back(hidden_states);
      all_attentions.insert(all_attentions.end(), attentions.begin(), attentions.end());
    }
    ModelOutput outputs;
    outputs.add("last_hidden_state", hidden_states).add("hidden_states", all_hidden_states);
    return outputs.add("attentions", all_attentions);
  }

  const Dense embedding_hidden_mapping_in;
  std::vector<TFAlbertLayerGroup> albert_layer_groups;

 private:
  const TFAlbertLayerGroup& group_of_layer(std::int64_t layer) const {
    const double layers_per_group =
        static_cast<double>(num_hidden_layers_) / static_cast<double>(albert_layer_groups.size());
    return albert_layer_groups[static_cast<std::size_t>(static_cast<double>(layer) / layers_per_group)];
  }

  const std::int64_t num_hidden_layers_;
};

class TFAlbertMLMHead : public Module<TFAlbertMLMHead> {
 public:
  TFAlbertMLMHead(const Scope& scope, const Config& config, const Embedding& word_embeddings)
      : Module(scope),
        bias_(scope.variable("bias", std::vector<std::string>{"bias", "decoder.bias"}, {vocab_size(config)})),
        decoder_bias_(
            scope.variable("decoder/bias", std::vector<std::string>{"decoder.bias", "bias"}, {vocab_size(config)})),
        LayerNorm(scope / "LayerNorm", embedding_size(config), layer_norm_eps(config)),
        dense(scope / "dense", hidden_size(config), embedding_size(config)),
        decoder(scope / "decoder", word_embeddings, decoder_bias_, config.flag("tie_word_embeddings", true)),
        activation(scope / "activation", hidden_act(config)) {}

  Tensor call(const Tensor& hidden_states) const { return decoder(LayerNorm(activation(dense(hidden_states)))); }

 private:
  const Variable& bias_;  // v4 keeps PyTorch's one bias twice, and adds the second
  const Variable& decoder_bias_;

 public:
  const LayerNormalization LayerNorm;
  const Dense dense;
  const LanguageModelDecoder decoder;
  const Activation activation;
};

class TFAlbertSOPHead : public Module<TFAlbertSOPHead> {
 public:
  TFAlbertSOPHead(const Scope& scope, const Config& config)
      : Module(scope),
        dropout(scope / "dropout", classifier_dropout(config)),
        classifier(scope / "classifier", hidden_size(config), config.num_labels()) {}

  Tensor call(const Tensor& pooled_output, bool training) const { return classifier(dropout(pooled_output, training)); }

  const Dropout dropout;
  const Dense classifier;
};

class TFAlbertMainLayer : public Module<TFAlbertMainLayer> {
 public:
  TFAlbertMainLayer(const Scope& scope, const Config& config, bool add_pooling_layer = true)
      : Module(scope), scope_(scope), embeddings(scope / "embeddings", config), encoder(scope / "encoder", config) {
    if (add_pooling_layer) {
      pooler.emplace(scope / "pooler", hidden_size(config), hidden_size(config));
      pooler_activation.emplace(scope / "pooler_activation", "tanh");
    }
  }

  ModelOutput call(const ModelInputs& inputs, bool training) const {
    const Tensor embedding_output = embeddings(inputs, training);
    MaybeTensor attention_mask = inputs.find("attention_mask");
    if (attention_mask) attention_mask = extended_attention_mask(padding_mask(*attention_mask));
    const ModelOutput encoder_outputs = encoder(embedding_output, attention_mask, inputs, training);
    const Tensor& sequence_output = encoder_outputs.at("last_hidden_state");
    ModelOutput outputs;
    outputs.add("last_hidden_state", sequence_output);
    if (pooler) {
      outputs.add("pooler_output", (*pooler_activation)((*pooler)(tf::select(sequence_output, /*axis=*/1, 0))));
    }
    return outputs.add_from(encoder_outputs, {"hidden_states", "attentions"});
  }

  /// Keras' weights file repeats the embeddings below a layer that holds them.
  void embeddings_held_by(const Scope& layer) const { layer.holds(scope_ / "embeddings"); }

 private:
  const Scope scope_;

 public:
  const TFAlbertEmbeddings embeddings;
  const TFAlbertTransformer encoder;
  std::optional<Dense> pooler;  // from the first token
  std::optional<Activation> pooler_activation;
};

class TFAlbertPreTrainedModel : public TFPreTrainedModel {
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

// Copied from bert.TFBertModel with bert->albert, Bert->Albert
class TFAlbertModel : public TFAlbertPreTrainedModel {
 public:
  TFAlbertModel(const Scope& scope, const Config& config)
      : TFAlbertPreTrainedModel(config),
        albert(scope.in_tensorflow("albert"), config, scope.in_tensorflow("albert").has_part("pooler")) {}

  ModelOutput call(const ModelInputs& inputs, bool training) const override { return albert(inputs, training); }

  const TFAlbertMainLayer albert;
};

class TFAlbertForPreTraining : public TFAlbertPreTrainedModel {
 public:
  TFAlbertForPreTraining(const Scope& scope, const Config& config)
      : TFAlbertPreTrainedModel(config),
        albert(scope / "albert", config),
        predictions(scope / "predictions", config, albert.embeddings.word_embeddings),
        sop_classifier(scope / "sop_classifier", config) {
    albert.embeddings_held_by(scope / "predictions");
  }

  ModelOutput call(const ModelInputs& inputs, bool training) const override {
    const ModelOutput outputs = albert(inputs, training);
    ModelOutput result;
    result.add("prediction_logits", predictions(outputs.at("last_hidden_state")));
    result.add("sop_logits", sop_classifier(outputs.at("pooler_output"), training));
    return result.add_from(outputs, {"hidden_states", "attentions"});
  }

  const TFAlbertMainLayer albert;
  const TFAlbertMLMHead predictions;
  const TFAlbertSOPHead sop_classifier;
};

class TFAlbertForMaskedLM : public TFAlbertPreTrainedModel {
 public:
  TFAlbertForMaskedLM(const Scope& scope, const Config& config)
      : TFAlbertPreTrainedModel(config),
        albert(scope / "albert", config, /*add_pooling_layer=*/false),
        predictions(scope / "predictions", config, albert.embeddings.word_embeddings) {
    albert.embeddings_held_by(scope / "predictions");
  }

  ModelOutput call(const ModelInputs& inputs, bool training) const override {
    const ModelOutput outputs = albert(inputs, training);
    ModelOutput result;
    result.add("logits", predictions(outputs.at("last_hidden_state")));
    return result.add_from(outputs, {"hidden_states", "attentions"});
  }

  const TFAlbertMainLayer albert;
  const TFAlbertMLMHead predictions;
};

// Copied from bert.TFBertForSequenceClassification with bert->albert, Bert->Albert
class TFAlbertForSequenceClassification : public TFAlbertPreTrainedModel {
 public:
  TFAlbertForSequenceClassification(const Scope& scope, const Config& config)
      : TFAlbertPreTrainedModel(config),
        albert(scope / "albert", config),
        dropout(scope / "dropout", classifier_dropout(config)),
        classifier(scope / "classifier", hidden_size(config), config.num_labels()) {}

  ModelOutput call(const ModelInputs& inputs, bool training) const override {
    const ModelOutput outputs = albert(inputs, training);
    ModelOutput result;
    result.add("logits", classifier(dropout(outputs.at("pooler_output"), training)));
    return result.add_from(outputs, {"hidden_states", "attentions"});
  }

  const TFAlbertMainLayer albert;
  const Dropout dropout;
  const Dense classifier;
};

// Copied from bert.TFBertForMultipleChoice with bert->albert, Bert->Albert
class TFAlbertForMultipleChoice : public TFAlbertPreTrainedModel {
 public:
  TFAlbertForMultipleChoice(const Scope& scope, const Config& config)
      : TFAlbertPreTrainedModel(config),
        albert(scope / "albert", config),
        dropout(scope / "dropout", classifier_dropout(config)),
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
    const ModelOutput outputs = albert(flat, training);
    const Tensor logits = classifier(dropout(outputs.at("pooler_output"), training));
    ModelOutput result;
    result.add("logits", tf::reshape(logits, {-1, num_choices}));
    return result.add_from(outputs, {"hidden_states", "attentions"});
  }

  const TFAlbertMainLayer albert;
  const Dropout dropout;
  const Dense classifier;
};

// Copied from bert.TFBertForTokenClassification with bert->albert, Bert->Albert
class TFAlbertForTokenClassification : public TFAlbertPreTrainedModel {
 public:
  TFAlbertForTokenClassification(const Scope& scope, const Config& config)
      : TFAlbertPreTrainedModel(config),
        albert(scope / "albert", config, /*add_pooling_layer=*/false),
        dropout(scope / "dropout", classifier_dropout(config)),
        classifier(scope / "classifier", hidden_size(config), config.num_labels()) {}

  ModelOutput call(const ModelInputs& inputs, bool training) const override {
    const ModelOutput outputs = albert(inputs, training);
    ModelOutput result;
    result.add("logits", classifier(dropout(outputs.at("last_hidden_state"), training)));
    return result.add_from(outputs, {"hidden_states", "attentions"});
  }

  const TFAlbertMainLayer albert;
  const Dropout dropout;
  const Dense classifier;
};

// Copied from bert.TFBertForQuestionAnswering with bert->albert, Bert->Albert
class TFAlbertForQuestionAnswering : public TFAlbertPreTrainedModel {
 public:
  TFAlbertForQuestionAnswering(const Scope& scope, const Config& config)
      : TFAlbertPreTrainedModel(config),
        albert(scope / "albert", config, /*add_pooling_layer=*/false),
        qa_outputs(scope / "qa_outputs", hidden_size(config), config.num_labels()) {
    if (config.num_labels() != 2) {
      throw Error(ErrorKind::kBadInput, "config.json: question answering needs 2 labels (start, end), not " +
                                            std::to_string(config.num_labels()));
    }
  }

  ModelOutput call(const ModelInputs& inputs, bool training) const override {
    const ModelOutput outputs = albert(inputs, training);
    const Tensor logits = qa_outputs(outputs.at("last_hidden_state"));  // [batch, length, 2]
    ModelOutput result;
    result.add("start_logits", tf::select(logits, /*axis=*/2, /*index=*/0));
    result.add("end_logits", tf::select(logits, /*axis=*/2, /*index=*/1));
    return result.add_from(outputs, {"hidden_states", "attentions"});
  }

  const TFAlbertMainLayer albert;
  const Dense qa_outputs;
};

}  // namespace

Architecture modeling_tf_albert() {
  const std::pair<std::string, std::string> position_ids = {"embeddings.position_ids", "a buffer: 0, 1, 2, ..."};
  const std::pair<std::string, std::string> no_pooler = {"albert.pooler.", "this class has no pooler"};
  const std::pair<std::string, std::string> no_predictions = {"predictions.", "this class does not predict words"};
  const std::pair<std::string, std::string> no_sop = {"sop_classifier.", "this class does not predict it"};
  return {
      "albert",
      "albert",
      "transformers/models/albert/modeling_albert.py, 4.57.6",
      {
          head<TFAlbertModel>("TFAlbertModel", {"TFAutoModel", "TFAutoModelForTextEncoding"},
                              {position_ids,
                               no_predictions,
                               no_sop,
                               {"classifier.", "a head's, which this class lacks"},
                               {"qa_outputs.", "a head's, which this class lacks"}}),
          head<TFAlbertForPreTraining>("TFAlbertForPreTraining", {"TFAutoModelForPreTraining"}, {position_ids}),
          head<TFAlbertForMaskedLM>("TFAlbertForMaskedLM", {"TFAutoModelForMaskedLM", "TFAutoModelWithLMHead"},
                                    {position_ids, no_pooler, no_sop}),
          head<TFAlbertForSequenceClassification>("TFAlbertForSequenceClassification",
                                                  {"TFAutoModelForSequenceClassification"},
                                                  {position_ids, no_predictions, no_sop}),
          head<TFAlbertForMultipleChoice>("TFAlbertForMultipleChoice", {"TFAutoModelForMultipleChoice"},
                                          {position_ids, no_predictions, no_sop}),
          head<TFAlbertForTokenClassification>("TFAlbertForTokenClassification", {"TFAutoModelForTokenClassification"},
                                               {position_ids, no_pooler, no_predictions, no_sop}),
          head<TFAlbertForQuestionAnswering>("TFAlbertForQuestionAnswering", {"TFAutoModelForQuestionAnswering"},
                                             {position_ids, no_pooler, no_predictions, no_sop}),
      }};
}

}  // namespace crossload::models

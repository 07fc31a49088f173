// ALBERT, as transformers/models/albert/modeling_albert.py of Transformers 4.57.6 has it.
//
// Layers are shared: num_hidden_layers calls go through num_hidden_groups groups of inner_group_num layers each, so a
// variable is used, and a module is called, several times.
//
// Where v4's TensorFlow classes differ from PyTorch's, PyTorch is followed: relative positions (position_embedding_type
// relative_key and relative_key_query, which v4's TFAlbert ignores), an output projection that is not tied to the word
// embeddings (tie_word_embeddings false), and the mask's lowest value (float32's lowest, not -10000).
#include "blocks/bert_block.h"
#include "blocks/heads.h"

namespace crossload::models {
namespace {

using namespace blocks;  // NOLINT: blocks and layers are this file's vocabulary
using namespace keras;   // NOLINT

BertSizes sizes_of(const Config& config) {
  return bert_sizes(config, {.vocab = 30000,
                             .embedding = config.integer("embedding_size", 128),
                             .hidden = 4096,
                             .heads = 64,
                             .intermediate = 16384,
                             .dropout = 0.0,
                             .attention_dropout = 0.0,
                             .act = "gelu_new"});
}

class TFAlbertAttention : public Module<TFAlbertAttention> {
 public:
  TFAlbertAttention(const Scope& scope, const BertSizes& sizes)
      : Module(scope),
        heads("hidden_size", sizes.hidden, "num_attention_heads", sizes.heads),
        query(scope / "query", sizes.hidden, sizes.hidden),
        key(scope / "key", sizes.hidden, sizes.hidden),
        value(scope / "value", sizes.hidden, sizes.hidden),
        attention_dropout(scope / "attention_dropout", sizes.attention_dropout),
        output_dropout(scope / "output_dropout", sizes.dropout),
        dense(scope / "dense", sizes.hidden, sizes.hidden),
        LayerNorm(scope / "LayerNorm", sizes.hidden, sizes.eps),
        distance_embedding(maybe<DistanceEmbedding>(sizes.position_embedding_type != "absolute",
                                                    scope / "distance_embedding", sizes)) {}

  /// hidden_states [batch, length, hidden] -> the same shape, and the probabilities [batch, heads, queries, keys]
  std::tuple<Tensor, Tensor> call(const Tensor& hidden_states, const MaybeTensor& attention_mask,
                                  const Call& call) const {
    const Tensor query_layer = split_heads(query(hidden_states), heads);
    const Tensor key_layer = split_heads(key(hidden_states), heads);
    const Tensor value_layer = split_heads(value(hidden_states), heads);

    Tensor scores = masked(attention_scores(query_layer, key_layer) / heads.root(), attention_mask);
    // Unlike BERT's, the relative scores are not scaled.
    if (distance_embedding) scores = scores + distance_embedding->scores(query_layer, key_layer);
    const Tensor probabilities = attention_dropout(tf::softmax(scores), call);
    const Tensor projected = dense(attend(probabilities, value_layer));
    return {LayerNorm(residual(output_dropout(projected, call), hidden_states)), probabilities};
  }

  const Heads heads;
  const Dense query;
  const Dense key;
  const Dense value;
  const Dropout attention_dropout;
  const Dropout output_dropout;
  const Dense dense;
  const LayerNormalization LayerNorm;
  const std::optional<DistanceEmbedding> distance_embedding;
};

class TFAlbertLayer : public Module<TFAlbertLayer> {
 public:
  TFAlbertLayer(const Scope& scope, const BertSizes& sizes)
      : Module(scope),
        full_layer_layer_norm(scope / "full_layer_layer_norm", sizes.hidden, sizes.eps),
        attention(scope / "attention", sizes),
        ffn(scope / "ffn", sizes.hidden, sizes.intermediate),
        ffn_output(scope / "ffn_output", sizes.intermediate, sizes.hidden),
        activation(scope / "activation", sizes.act) {}

  LayerOutput call(const Tensor& hidden_states, const MaybeTensor& attention_mask, const Call& call) const {
    const auto [attended, probabilities] = attention(hidden_states, attention_mask, call);
    const Tensor fed_forward = ffn_output(activation(ffn(attended)));
    return {full_layer_layer_norm(residual(fed_forward, attended)), probabilities};
  }

  const LayerNormalization full_layer_layer_norm;
  const TFAlbertAttention attention;
  const Dense ffn;
  const Dense ffn_output;
  const Activation activation;
};

class TFAlbertLayerGroup : public Module<TFAlbertLayerGroup> {
 public:
  TFAlbertLayerGroup(const Scope& scope, const Config& config)
      : Module(scope),
        albert_layers(layers_of<TFAlbertLayer>(scope / "albert_layers", config.integer("inner_group_num", 1),
                                               sizes_of(config))) {}

  /// The hidden states after the group, those after each of its layers, and the layers' attention probabilities.
  std::tuple<Tensor, std::vector<Tensor>, std::vector<Tensor>> call(Tensor hidden_states,
                                                                    const MaybeTensor& attention_mask,
                                                                    const Call& call) const {
    std::vector<Tensor> layer_hidden_states;
    std::vector<Tensor> layer_attentions;
    for (const TFAlbertLayer& albert_layer : albert_layers) {
      const LayerOutput output = albert_layer(hidden_states, attention_mask, call);
      hidden_states = output.hidden_states;
      if (call.output_hidden_states) layer_hidden_states.push_back(hidden_states);
      if (call.output_attentions) layer_attentions.push_back(*output.attention);
    }
    return {hidden_states, layer_hidden_states, layer_attentions};
  }

  const std::vector<TFAlbertLayer> albert_layers;
};

class TFAlbertTransformer : public Module<TFAlbertTransformer> {
 public:
  TFAlbertTransformer(const Scope& scope, const Config& config)
      : Module(scope),
        embedding_hidden_mapping_in(scope / "embedding_hidden_mapping_in", sizes_of(config).embedding,
                                    sizes_of(config).hidden),
        albert_layer_groups(layers_of<TFAlbertLayerGroup>(scope / "albert_layer_groups", groups(config), config)),
        num_hidden_layers_(sizes_of(config).layers) {}

  ModelOutput call(const Tensor& embedding_output, const MaybeTensor& attention_mask, const Call& call) const {
    Tensor hidden_states = embedding_hidden_mapping_in(embedding_output);
    std::vector<Tensor> all_hidden_states;
    std::vector<Tensor> all_attentions;
    if (call.output_hidden_states) all_hidden_states.push_back(hidden_states);
    for (std::int64_t i = 0; i < num_hidden_layers_; ++i) {
      const auto [group_output, inner_hidden_states, attentions] =
          group_of_layer(i)(hidden_states, attention_mask, call);
      hidden_states = group_output;
      if (call.output_hidden_states) all_hidden_states.push_back(hidden_states);
      all_attentions.insert(all_attentions.end(), attentions.begin(), attentions.end());
    }
    ModelOutput outputs;
    outputs.add("last_hidden_state", hidden_states).add("hidden_states", all_hidden_states);
    return outputs.add("attentions", all_attentions);
  }

  const Dense embedding_hidden_mapping_in;
  const std::vector<TFAlbertLayerGroup> albert_layer_groups;

 private:
  static std::int64_t groups(const Config& config) {
    const std::int64_t groups = config.integer("num_hidden_groups", 1);
    const std::int64_t layers = sizes_of(config).layers;
    if (groups > 0 && groups <= layers) return groups;
    throw Error(ErrorKind::kBadInput, "config.json: num_hidden_groups " + std::to_string(groups) +
                                          " is not between 1 and num_hidden_layers " + std::to_string(layers));
  }

  const TFAlbertLayerGroup& group_of_layer(std::int64_t layer) const {
    const double layers_per_group =
        static_cast<double>(num_hidden_layers_) / static_cast<double>(albert_layer_groups.size());
    return albert_layer_groups[static_cast<std::size_t>(static_cast<double>(layer) / layers_per_group)];
  }

  const std::int64_t num_hidden_layers_;
};

class TFAlbertMainLayer : public Module<TFAlbertMainLayer> {
 public:
  TFAlbertMainLayer(const Scope& scope, const Config& config, bool add_pooling_layer)
      : Module(scope),
        embeddings(scope / "embeddings", sizes_of(config)),
        encoder(scope / "encoder", config),
        pooler(maybe<Dense>(add_pooling_layer, scope / "pooler", sizes_of(config).hidden, sizes_of(config).hidden)),
        pooler_activation(scope / "pooler_activation", "tanh") {}

  ModelOutput call(const ModelInputs& inputs, const Call& call) const {
    const Tensor embedding_output = embeddings(inputs, call);
    MaybeTensor attention_mask = inputs.find("attention_mask");
    if (attention_mask) attention_mask = extended_attention_mask(padding_mask(*attention_mask));
    const ModelOutput encoder_outputs = encoder(embedding_output, attention_mask, call);
    const Tensor& sequence_output = encoder_outputs.at("last_hidden_state");
    ModelOutput outputs;
    outputs.add("last_hidden_state", sequence_output);
    if (pooler) outputs.add("pooler_output", pooler_activation((*pooler)(tf::select(sequence_output, /*axis=*/1, 0))));
    return outputs.add_from(encoder_outputs, {"hidden_states", "attentions"});
  }

  const TFBertEmbeddings embeddings;
  const TFAlbertTransformer encoder;
  const std::optional<Dense> pooler;  // from the first token
  const Activation pooler_activation;
};

class TFAlbertPreTrainedModel : public Model {
 public:
  using MainLayer = TFAlbertMainLayer;
  static constexpr const char* kMainLayer = "albert";

  explicit TFAlbertPreTrainedModel(const Config& config, std::size_t rank = 2)
      : Model(config, text_interface({.rank = rank, .embeds = sizes_of(config).embedding})) {}

  static HeadSizes head_sizes(const Config& config) {
    return {sizes_of(config).hidden, config.number("classifier_dropout_prob", 0.1)};
  }
};

class TFAlbertMLMHead : public Module<TFAlbertMLMHead> {
 public:
  static constexpr const char* kScope = "predictions";
  static constexpr bool kHoldsEmbeddings = true;

  TFAlbertMLMHead(const Scope& scope, const Config& config, const Embedding& word_embeddings)
      : TFAlbertMLMHead(scope, sizes_of(config), word_embeddings) {}
  TFAlbertMLMHead(const Scope& scope, const BertSizes& sizes, const Embedding& word_embeddings)
      : Module(scope),
        bias_(scope.variable("bias", std::vector<std::string>{"bias", "decoder.bias"}, {sizes.vocab})),
        decoder_bias_(scope.variable("decoder/bias", std::vector<std::string>{"decoder.bias", "bias"}, {sizes.vocab})),
        LayerNorm(scope / "LayerNorm", sizes.embedding, sizes.eps),
        dense(scope / "dense", sizes.hidden, sizes.embedding),
        decoder(scope / "decoder", word_embeddings, decoder_bias_, sizes.tied),
        activation(scope / "activation", sizes.act) {}

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
  TFAlbertSOPHead(const Scope& scope, const Config& config, const HeadSizes& sizes)
      : Module(scope),
        dropout(scope / "dropout", sizes.dropout),
        classifier(scope / "classifier", sizes.hidden, config.num_labels()) {}

  Tensor call(const Tensor& pooled_output, const Call& call) const { return classifier(dropout(pooled_output, call)); }

  const Dropout dropout;
  const Dense classifier;
};

class TFAlbertForPreTraining : public TFAlbertPreTrainedModel {
 public:
  TFAlbertForPreTraining(const Scope& scope, const Config& config)
      : TFAlbertPreTrainedModel(config),
        albert(scope / "albert", config, /*add_pooling_layer=*/true),
        predictions(scope / "predictions", config, albert.embeddings.word_embeddings),
        sop_classifier(scope / "sop_classifier", config, head_sizes(config)) {
    (scope / "predictions").holds(scope / "albert" / "embeddings");
  }

  ModelOutput call(const ModelInputs& inputs, const Call& call) const override {
    const ModelOutput outputs = albert(inputs, call);
    ModelOutput result;
    result.add("prediction_logits", predictions(outputs.at("last_hidden_state")));
    result.add("sop_logits", sop_classifier(outputs.at("pooler_output"), call));
    return result.add_from(outputs, {"hidden_states", "attentions"});
  }

  const TFAlbertMainLayer albert;
  const TFAlbertMLMHead predictions;
  const TFAlbertSOPHead sop_classifier;
};

using Base = TFAlbertPreTrainedModel;

}  // namespace

Architecture modeling_tf_albert() {
  return {.model_type = "albert",
          .base_model_prefix = "albert",
          .source = "transformers/models/albert/modeling_albert.py, 4.57.6",
          .ignores = {{"embeddings.position_ids", "a buffer: 0, 1, 2, ..."}},
          .heads = {
              head<BaseModel<Base>>("TFAlbertModel", {"TFAutoModel", "TFAutoModelForTextEncoding"}),
              head<TFAlbertForPreTraining>("TFAlbertForPreTraining", {"TFAutoModelForPreTraining"}),
              head<MaskedLM<Base, TFAlbertMLMHead>>("TFAlbertForMaskedLM",
                                                    {"TFAutoModelForMaskedLM", "TFAutoModelWithLMHead"}),
              head<SequenceClassification<Base>>("TFAlbertForSequenceClassification",
                                                 {"TFAutoModelForSequenceClassification"}),
              head<MultipleChoice<Base>>("TFAlbertForMultipleChoice", {"TFAutoModelForMultipleChoice"}),
              head<TokenClassification<Base>>("TFAlbertForTokenClassification", {"TFAutoModelForTokenClassification"}),
              head<QuestionAnswering<Base>>("TFAlbertForQuestionAnswering", {"TFAutoModelForQuestionAnswering"}),
          }};
}

}  // namespace crossload::models

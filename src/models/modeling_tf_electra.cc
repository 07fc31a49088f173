// ELECTRA, as transformers/models/electra/modeling_electra.py of Transformers 4.57.6 has it: BERT (its
// layers are in blocks/bert_block.h) with embeddings of a width of their own, and other heads.
//
// Where v4's TensorFlow classes differ from PyTorch's, PyTorch is followed: relative positions (position_embedding_type
// relative_key and relative_key_query, which v4's TFElectra ignores) and an output projection that is not tied to the
// word embeddings (tie_word_embeddings false) are here. Cached keys and values are not.
#include "blocks/bert_block.h"
#include "blocks/heads.h"

namespace crossload::models {
namespace {

using namespace blocks;  // NOLINT: blocks and layers are this file's vocabulary
using namespace keras;   // NOLINT

BertSizes sizes_of(const Config& config) {
  return bert_sizes(
      config, {.embedding = config.integer("embedding_size", 128), .hidden = 256, .heads = 4, .intermediate = 1024});
}

class TFElectraMainLayer : public Module<TFElectraMainLayer> {
 public:
  TFElectraMainLayer(const Scope& scope, const Config& config) : TFElectraMainLayer(scope, sizes_of(config)) {}
  TFElectraMainLayer(const Scope& scope, const BertSizes& sizes)
      : Module(scope),
        embeddings(scope / "embeddings", sizes),
        embeddings_project(
            maybe<Dense>(sizes.embedding != sizes.hidden, scope / "embeddings_project", sizes.embedding, sizes.hidden)),
        encoder(scope / "encoder", sizes),
        is_decoder_(sizes.is_decoder) {}

  ModelOutput call(const ModelInputs& inputs, const Call& call) const {
    Tensor hidden_states = embeddings(inputs, call);
    if (embeddings_project) hidden_states = (*embeddings_project)(hidden_states);
    return encoder(hidden_states, memory_of(inputs, hidden_states, is_decoder_), call);
  }

  const TFBertEmbeddings embeddings;
  const std::optional<Dense> embeddings_project;
  const TFBertEncoder encoder;

 private:
  const bool is_decoder_;
};

class TFElectraPreTrainedModel : public Model {
 public:
  using MainLayer = TFElectraMainLayer;
  static constexpr const char* kMainLayer = "electra";

  explicit TFElectraPreTrainedModel(const Config& config, std::size_t rank = 2)
      : Model(config, text_interface({.rank = rank, .embeds = sizes_of(config).embedding})) {}

  static HeadSizes head_sizes(const Config& config) {
    const BertSizes sizes = sizes_of(config);
    return {sizes.hidden, config.number("classifier_dropout", sizes.dropout)};
  }

 protected:
  TFElectraPreTrainedModel(const Config& config, const Interface& interface) : Model(config, interface) {}
};

/// The one class here that may attend to an encoder.
class TFElectraModel : public TFElectraPreTrainedModel {
 public:
  TFElectraModel(const Scope& scope, const Config& config)
      : TFElectraPreTrainedModel(config, bert_interface(sizes_of(config), /*rank=*/2)),
        electra(scope.in_tensorflow("electra"), config) {}

  ModelOutput call(const ModelInputs& inputs, const Call& call) const override { return electra(inputs, call); }

  const TFElectraMainLayer electra;
};

/// Was a token replaced? One score for each.
class TFElectraDiscriminatorPredictions : public Module<TFElectraDiscriminatorPredictions> {
 public:
  TFElectraDiscriminatorPredictions(const Scope& scope, const BertSizes& sizes)
      : Module(scope),
        dense(scope / "dense", sizes.hidden, sizes.hidden),
        activation(scope / "activation", sizes.act),
        dense_prediction(scope / "dense_prediction", sizes.hidden, 1) {}

  /// [batch, length, hidden] -> [batch, length]
  Tensor call(const Tensor& hidden_states) const {
    return tf::squeeze(dense_prediction(activation(dense(hidden_states))), /*axis=*/-1);
  }

  const Dense dense;
  const Activation activation;
  const Dense dense_prediction;
};

class TFElectraForPreTraining : public TFElectraPreTrainedModel {
 public:
  TFElectraForPreTraining(const Scope& scope, const Config& config)
      : TFElectraPreTrainedModel(config),
        electra(scope / "electra", config),
        discriminator_predictions(scope / "discriminator_predictions", sizes_of(config)) {}

  ModelOutput call(const ModelInputs& inputs, const Call& call) const override {
    const ModelOutput outputs = electra(inputs, call);
    return with_logits(discriminator_predictions(outputs.at("last_hidden_state")), outputs);
  }

  const TFElectraMainLayer electra;
  const TFElectraDiscriminatorPredictions discriminator_predictions;
};

class TFElectraGeneratorPredictions : public Module<TFElectraGeneratorPredictions> {
 public:
  TFElectraGeneratorPredictions(const Scope& scope, const BertSizes& sizes)
      : Module(scope),
        activation(scope / "activation", "gelu"),
        LayerNorm(scope / "LayerNorm", sizes.embedding, sizes.eps),
        dense(scope / "dense", sizes.hidden, sizes.embedding) {}

  /// [batch, length, hidden] -> [batch, length, embedding]
  Tensor call(const Tensor& hidden_states) const { return LayerNorm(activation(dense(hidden_states))); }

  const Activation activation;
  const LayerNormalization LayerNorm;
  const Dense dense;
};

class TFElectraForMaskedLM : public TFElectraPreTrainedModel {
 public:
  TFElectraForMaskedLM(const Scope& scope, const Config& config)
      : TFElectraPreTrainedModel(config),
        electra(scope / "electra", config),
        generator_predictions(scope / "generator_predictions", sizes_of(config)),
        generator_lm_head(scope / "generator_lm_head", electra.embeddings.word_embeddings,
                          (scope / "generator_lm_head").variable("bias", "bias", {sizes_of(config).vocab}),
                          sizes_of(config).tied) {
    // Keras' weights file repeats the embeddings below a layer that holds them.
    (scope / "generator_lm_head").holds(scope / "electra" / "embeddings");
  }

  ModelOutput call(const ModelInputs& inputs, const Call& call) const override {
    const ModelOutput outputs = electra(inputs, call);
    return with_logits(generator_lm_head(generator_predictions(outputs.at("last_hidden_state"))), outputs);
  }

  const TFElectraMainLayer electra;
  const TFElectraGeneratorPredictions generator_predictions;
  const LanguageModelDecoder generator_lm_head;
};

class TFElectraClassificationHead : public Module<TFElectraClassificationHead> {
 public:
  TFElectraClassificationHead(const Scope& scope, const Config& config, const HeadSizes& sizes)
      : Module(scope),
        dense(scope / "dense", sizes.hidden, sizes.hidden),
        activation(scope / "activation", "gelu"),
        dropout(scope / "dropout", sizes.dropout),
        out_proj(scope / "out_proj", sizes.hidden, config.num_labels()) {}

  /// [batch, length, hidden] -> [batch, labels], from the first token
  Tensor call(const Tensor& features, const Call& call) const {
    const Tensor first_token = tf::select(features, /*axis=*/1, /*index=*/0);
    return out_proj(dropout(activation(dense(dropout(first_token, call))), call));
  }

  const Dense dense;
  const Activation activation;
  const Dropout dropout;
  const Dense out_proj;
};

class TFElectraForSequenceClassification : public TFElectraPreTrainedModel {
 public:
  TFElectraForSequenceClassification(const Scope& scope, const Config& config)
      : TFElectraPreTrainedModel(config),
        electra(scope / "electra", config),
        classifier(scope / "classifier", config, head_sizes(config)) {}

  ModelOutput call(const ModelInputs& inputs, const Call& call) const override {
    const ModelOutput outputs = electra(inputs, call);
    return with_logits(classifier(outputs.at("last_hidden_state"), call), outputs);
  }

  const TFElectraMainLayer electra;
  const TFElectraClassificationHead classifier;
};

/// One vector for a sequence, as the summary_... fields of the configuration say.
class TFElectraSequenceSummary : public Module<TFElectraSequenceSummary> {
 public:
  TFElectraSequenceSummary(const Scope& scope, const Config& config)
      : Module(scope),
        summary_type_(config.text("summary_type", "first")),
        no_summary_(scope / "summary", "linear"),
        summary(maybe<Dense>(uses_projection(config), scope / "summary", sizes_of(config).hidden, width(config))),
        activation(scope / "activation", activation_name(config)),
        first_dropout(scope / "first_dropout", config.number("summary_first_dropout", 0.0)),
        last_dropout(scope / "last_dropout", config.number("summary_last_dropout", 0.1)) {
    if (summary_type_ != "last" && summary_type_ != "first" && summary_type_ != "mean" &&
        summary_type_ != "cls_index") {
      throw Error(ErrorKind::kUnsupported,
                  "summary_type \"" + summary_type_ + "\": ELECTRA has last, first, mean and cls_index");
    }
  }

  /// [batch, length, hidden] -> [batch, features]
  Tensor call(const Tensor& hidden_states, const Call& call) const {
    const Tensor output = first_dropout(extract(hidden_states), call);
    return last_dropout(activation(summary ? (*summary)(output) : no_summary_(output)), call);
  }

 private:
  /// Fields whose default is not None but that may be it.
  static bool is_null(const Config& config, const std::string& name) {
    return config.json().contains(name) && !config.has(name);
  }

  static bool uses_projection(const Config& config) {
    return !is_null(config, "summary_use_proj") && config.flag("summary_use_proj", true);
  }

  static std::int64_t width(const Config& config) {
    const bool to_labels = config.flag("summary_proj_to_labels", false) && config.num_labels() > 0;
    return to_labels ? config.num_labels() : sizes_of(config).hidden;
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
  const std::optional<Dense> summary;
  const Activation activation;
  const Dropout first_dropout;
  const Dropout last_dropout;
};

class TFElectraForMultipleChoice : public TFElectraPreTrainedModel {
 public:
  TFElectraForMultipleChoice(const Scope& scope, const Config& config)
      : TFElectraPreTrainedModel(config, /*rank=*/3),
        electra(scope / "electra", config),
        sequence_summary(scope / "sequence_summary", config),
        classifier(scope / "classifier", sizes_of(config).hidden, 1) {}

  /// Inputs [batch, choices, length] are run as [batch * choices, length] -> logits [batch, choices]
  ModelOutput call(const ModelInputs& inputs, const Call& call) const override {
    const ModelOutput outputs = electra(fold_choices(inputs), call);
    const Tensor scores = classifier(sequence_summary(outputs.at("last_hidden_state"), call));
    return with_logits(unfold_choices(scores, inputs), outputs);
  }

  const TFElectraMainLayer electra;
  const TFElectraSequenceSummary sequence_summary;
  const Dense classifier;
};

using Base = TFElectraPreTrainedModel;

}  // namespace

Architecture modeling_tf_electra() {
  return {.model_type = "electra",
          .base_model_prefix = "electra",
          .source = "transformers/models/electra/modeling_electra.py, 4.57.6",
          .ignores = {{"embeddings.position_ids", "a buffer: 0, 1, 2, ..."}},
          .heads = {
              head<TFElectraModel>("TFElectraModel", {"TFAutoModel", "TFAutoModelForTextEncoding"}),
              head<TFElectraForPreTraining>("TFElectraForPreTraining", {"TFAutoModelForPreTraining"}),
              head<TFElectraForMaskedLM>("TFElectraForMaskedLM", {"TFAutoModelForMaskedLM", "TFAutoModelWithLMHead"}),
              head<TFElectraForSequenceClassification>("TFElectraForSequenceClassification",
                                                       {"TFAutoModelForSequenceClassification"}),
              head<TFElectraForMultipleChoice>("TFElectraForMultipleChoice", {"TFAutoModelForMultipleChoice"}),
              head<TokenClassification<Base>>("TFElectraForTokenClassification", {"TFAutoModelForTokenClassification"}),
              head<QuestionAnswering<Base>>("TFElectraForQuestionAnswering", {"TFAutoModelForQuestionAnswering"}),
          }};
}

}  // namespace crossload::models

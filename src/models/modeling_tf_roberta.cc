// RoBERTa, as transformers/models/roberta/modeling_roberta.py of Transformers 4.57.6 has it: BERT (its layers are in
// blocks/bert_block.h) with other positions and heads.
//
// Where v4's TensorFlow classes differ from PyTorch's, PyTorch is followed: positions are counted from pad_token_id (v4
// takes 1 for it), relative positions (position_embedding_type relative_key and relative_key_query, which v4's
// TFRoberta ignores) and an output projection that is not tied to the word embeddings (tie_word_embeddings false) are
// here. Cached keys and values are not.
#include "blocks/bert_block.h"
#include "blocks/heads.h"

namespace crossload::models {
namespace {

using namespace blocks;  // NOLINT: blocks and layers are this file's vocabulary
using namespace keras;   // NOLINT

BertSizes sizes_of(const Config& config) {
  return bert_sizes(config, {.vocab = 50265, .padding_idx = config.integer("pad_token_id", 1)});
}

class TFRobertaMainLayer : public Module<TFRobertaMainLayer> {
 public:
  TFRobertaMainLayer(const Scope& scope, const Config& config, bool add_pooling_layer)
      : Module(scope),
        encoder(scope / "encoder", sizes_of(config)),
        pooler(maybe<TFBertPooler>(add_pooling_layer, scope / "pooler", sizes_of(config))),
        embeddings(scope / "embeddings", sizes_of(config)),
        is_decoder_(sizes_of(config).is_decoder) {}

  ModelOutput call(const ModelInputs& inputs, const Call& call) const {
    const Tensor embedding_output = embeddings(inputs, call);
    return with_pooler_output(encoder(embedding_output, memory_of(inputs, embedding_output, is_decoder_), call),
                              pooler);
  }

  const TFBertEncoder encoder;  // first, as v4 orders the variables
  const std::optional<TFBertPooler> pooler;
  const TFBertEmbeddings embeddings;

 private:
  const bool is_decoder_;
};

class TFRobertaPreTrainedModel : public Model {
 public:
  using MainLayer = TFRobertaMainLayer;
  static constexpr const char* kMainLayer = "roberta";

  explicit TFRobertaPreTrainedModel(const Config& config, std::size_t rank = 2)
      : Model(config, bert_interface(sizes_of(config), rank)) {}

  static HeadSizes head_sizes(const Config& config) {
    const BertSizes sizes = sizes_of(config);
    return {sizes.hidden, config.number("classifier_dropout", sizes.dropout)};
  }
};

class TFRobertaLMHead : public Module<TFRobertaLMHead> {
 public:
  static constexpr const char* kScope = "lm_head";
  static constexpr bool kHoldsEmbeddings = true;

  TFRobertaLMHead(const Scope& scope, const Config& config, const Embedding& word_embeddings)
      : Module(scope),
        bias_(scope.variable("bias", head_bias_keys(sizes_of(config).tied), {sizes_of(config).vocab})),
        dense(scope / "dense", sizes_of(config).hidden, sizes_of(config).hidden),
        layer_norm(scope / "layer_norm", sizes_of(config).hidden, sizes_of(config).eps),
        decoder(scope / "decoder", word_embeddings, bias_, sizes_of(config).tied) {}

  Tensor call(const Tensor& features) const { return decoder(layer_norm(gelu(dense(features)))); }

 private:
  const Variable& bias_;

 public:
  const Dense dense;
  const LayerNormalization layer_norm;
  const LanguageModelDecoder decoder;
};

class TFRobertaClassificationHead : public Module<TFRobertaClassificationHead> {
 public:
  TFRobertaClassificationHead(const Scope& scope, const Config& config, const HeadSizes& sizes)
      : Module(scope),
        dense(scope / "dense", sizes.hidden, sizes.hidden),
        dropout(scope / "dropout", sizes.dropout),
        out_proj(scope / "out_proj", sizes.hidden, config.num_labels()) {}

  /// [batch, length, hidden] -> [batch, labels], from the first token
  Tensor call(const Tensor& features, const Call& call) const {
    const Tensor first_token = tf::select(features, /*axis=*/1, /*index=*/0);
    return out_proj(dropout(tf::tanh(dense(dropout(first_token, call))), call));
  }

  const Dense dense;
  const Dropout dropout;
  const Dense out_proj;
};

class TFRobertaForSequenceClassification : public TFRobertaPreTrainedModel {
 public:
  TFRobertaForSequenceClassification(const Scope& scope, const Config& config)
      : TFRobertaPreTrainedModel(config),
        roberta(scope / "roberta", config, /*add_pooling_layer=*/false),
        classifier(scope / "classifier", config, head_sizes(config)) {}

  ModelOutput call(const ModelInputs& inputs, const Call& call) const override {
    const ModelOutput outputs = roberta(inputs, call);
    return with_logits(classifier(outputs.at("last_hidden_state"), call), outputs);
  }

  const TFRobertaMainLayer roberta;
  const TFRobertaClassificationHead classifier;
};

class TFRobertaForMultipleChoice : public MultipleChoice<TFRobertaPreTrainedModel> {
 public:
  TFRobertaForMultipleChoice(const Scope& scope, const Config& config)
      : MultipleChoice(scope, config, /*dropout_rate=*/sizes_of(config).dropout) {}
};

using Base = TFRobertaPreTrainedModel;

}  // namespace

Architecture modeling_tf_roberta() {
  return {
      .model_type = "roberta",
      .base_model_prefix = "roberta",
      .source = "transformers/models/roberta/modeling_roberta.py, 4.57.6",
      .ignores = {{"embeddings.position_ids", "a buffer: 0, 1, 2, ..."}},
      .heads = {
          head<BaseModel<Base>>("TFRobertaModel", {"TFAutoModel", "TFAutoModelForTextEncoding"}),
          head<MaskedLM<Base, TFRobertaLMHead>>(
              "TFRobertaForMaskedLM", {"TFAutoModelForPreTraining", "TFAutoModelForMaskedLM", "TFAutoModelWithLMHead"}),
          head<CausalLM<Base, TFRobertaLMHead>>("TFRobertaForCausalLM", {"TFAutoModelForCausalLM"}),
          head<TFRobertaForSequenceClassification>("TFRobertaForSequenceClassification",
                                                   {"TFAutoModelForSequenceClassification"}),
          head<TFRobertaForMultipleChoice>("TFRobertaForMultipleChoice", {"TFAutoModelForMultipleChoice"}),
          head<TokenClassification<Base>>("TFRobertaForTokenClassification", {"TFAutoModelForTokenClassification"}),
          head<QuestionAnswering<Base>>("TFRobertaForQuestionAnswering", {"TFAutoModelForQuestionAnswering"}),
      }};
}

}  // namespace crossload::models

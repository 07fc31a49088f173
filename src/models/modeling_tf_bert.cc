// BERT, as transformers/models/bert/modeling_bert.py of Transformers 4.57.6 has it. Its layers are in
// blocks/bert_block.h.
//
// Where v4's TensorFlow classes differ from PyTorch's, PyTorch is followed: relative positions (position_embedding_type
// relative_key and relative_key_query, which v4's TFBert ignores) and an output projection that is not tied to the word
// embeddings (tie_word_embeddings false) are here. Cached keys and values are not.
#include "blocks/bert_block.h"
#include "blocks/heads.h"

namespace crossload::models {
namespace {

using namespace blocks;  // NOLINT: blocks and layers are this file's vocabulary
using namespace keras;   // NOLINT

class TFBertMainLayer : public Module<TFBertMainLayer> {
 public:
  TFBertMainLayer(const Scope& scope, const Config& config, bool add_pooling_layer)
      : Module(scope),
        embeddings(scope / "embeddings", bert_sizes(config)),
        encoder(scope / "encoder", bert_sizes(config)),
        pooler(maybe<TFBertPooler>(add_pooling_layer, scope / "pooler", bert_sizes(config))),
        is_decoder_(bert_sizes(config).is_decoder) {}

  ModelOutput call(const ModelInputs& inputs, const Call& call) const {
    const Tensor embedding_output = embeddings(inputs, call);
    return with_pooler_output(encoder(embedding_output, memory_of(inputs, embedding_output, is_decoder_), call),
                              pooler);
  }

  const TFBertEmbeddings embeddings;
  const TFBertEncoder encoder;
  const std::optional<TFBertPooler> pooler;

 private:
  const bool is_decoder_;
};

class TFBertPreTrainedModel : public Model {
 public:
  using MainLayer = TFBertMainLayer;
  static constexpr const char* kMainLayer = "bert";

  explicit TFBertPreTrainedModel(const Config& config, std::size_t rank = 2)
      : Model(config, bert_interface(bert_sizes(config), rank)) {}

  static HeadSizes head_sizes(const Config& config) {
    const BertSizes sizes = bert_sizes(config);
    return {sizes.hidden, config.number("classifier_dropout", sizes.dropout)};
  }
};

struct WordsHead : TFBertMLMHead {
  static constexpr const char* kScope = "mlm___cls";
  static constexpr bool kHoldsEmbeddings = true;
  WordsHead(const Scope& scope, const Config& config, const Embedding& word_embeddings)
      : TFBertMLMHead(scope, bert_sizes(config), word_embeddings) {}
};

/// One module in PyTorch, the two layers nsp___cls and mlm___cls in v4's TensorFlow.
class TFBertPreTrainingHeads : public Module<TFBertPreTrainingHeads> {
 public:
  TFBertPreTrainingHeads(const Scope& scope, const Config& config, const Embedding& word_embeddings)
      : Module(scope / "cls"),
        seq_relationship(scope / "nsp___cls" / "seq_relationship", bert_sizes(config).hidden, 2),
        predictions(scope / "mlm___cls" / "predictions", bert_sizes(config), word_embeddings) {}

  std::tuple<Tensor, Tensor> call(const Tensor& sequence_output, const Tensor& pooled_output) const {
    const Tensor prediction_scores = predictions(sequence_output);
    return {prediction_scores, seq_relationship(pooled_output)};
  }

  const Dense seq_relationship;
  const TFBertLMPredictionHead predictions;
};

class TFBertForPreTraining : public TFBertPreTrainedModel {
 public:
  TFBertForPreTraining(const Scope& scope, const Config& config)
      : TFBertPreTrainedModel(config),
        bert(scope / "bert", config, /*add_pooling_layer=*/true),
        cls(scope, config, bert.embeddings.word_embeddings) {
    (scope / "mlm___cls").holds(scope / "bert" / "embeddings");
  }

  ModelOutput call(const ModelInputs& inputs, const Call& call) const override {
    const ModelOutput outputs = bert(inputs, call);
    const auto [prediction_scores, seq_relationship_score] =
        cls(outputs.at("last_hidden_state"), outputs.at("pooler_output"));
    ModelOutput result;
    result.add("prediction_logits", prediction_scores).add("seq_relationship_logits", seq_relationship_score);
    return result.add_from(outputs, {"hidden_states", "attentions"});
  }

  const TFBertMainLayer bert;
  const TFBertPreTrainingHeads cls;
};

class TFBertNSPHead : public Module<TFBertNSPHead> {
 public:
  TFBertNSPHead(const Scope& scope, const Config& config)
      : Module(scope), seq_relationship(scope / "seq_relationship", bert_sizes(config).hidden, 2) {}

  Tensor call(const Tensor& pooled_output) const { return seq_relationship(pooled_output); }

  const Dense seq_relationship;
};

class TFBertForNextSentencePrediction : public TFBertPreTrainedModel {
 public:
  TFBertForNextSentencePrediction(const Scope& scope, const Config& config)
      : TFBertPreTrainedModel(config),
        bert(scope / "bert", config, /*add_pooling_layer=*/true),
        cls(scope / "nsp___cls", config) {}

  ModelOutput call(const ModelInputs& inputs, const Call& call) const override {
    const ModelOutput outputs = bert(inputs, call);
    return with_logits(cls(outputs.at("pooler_output")), outputs);
  }

  const TFBertMainLayer bert;
  const TFBertNSPHead cls;
};

using Base = TFBertPreTrainedModel;

}  // namespace

Architecture modeling_tf_bert() {
  return {.model_type = "bert",
          .base_model_prefix = "bert",
          .source = "transformers/models/bert/modeling_bert.py, 4.57.6",
          .ignores = {{"embeddings.position_ids", "a buffer: 0, 1, 2, ..."}},
          .heads = {
              head<BaseModel<Base>>("TFBertModel", {"TFAutoModel", "TFAutoModelForTextEncoding"}),
              head<TFBertForPreTraining>("TFBertForPreTraining", {"TFAutoModelForPreTraining"}),
              head<MaskedLM<Base, WordsHead>>("TFBertForMaskedLM", {"TFAutoModelForMaskedLM", "TFAutoModelWithLMHead"}),
              head<CausalLM<Base, WordsHead>>("TFBertLMHeadModel", {"TFAutoModelForCausalLM"}),
              head<TFBertForNextSentencePrediction>("TFBertForNextSentencePrediction",
                                                    {"TFAutoModelForNextSentencePrediction"}),
              head<SequenceClassification<Base>>("TFBertForSequenceClassification",
                                                 {"TFAutoModelForSequenceClassification"}),
              head<MultipleChoice<Base>>("TFBertForMultipleChoice", {"TFAutoModelForMultipleChoice"}),
              head<TokenClassification<Base>>("TFBertForTokenClassification", {"TFAutoModelForTokenClassification"}),
              head<QuestionAnswering<Base>>("TFBertForQuestionAnswering", {"TFAutoModelForQuestionAnswering"}),
          }};
}

}  // namespace crossload::models

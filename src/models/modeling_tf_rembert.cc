// RemBERT, as transformers/models/rembert/modeling_rembert.py of Transformers 4.57.6 has it: BERT (its layers are in
// blocks/bert_block.h) with narrow embeddings, widened in the encoder, and an output projection of its own.
#include "blocks/bert_block.h"
#include "blocks/heads.h"

namespace crossload::models {
namespace {

using namespace blocks;  // NOLINT: blocks and layers are this file's vocabulary
using namespace keras;   // NOLINT

BertSizes sizes_of(const Config& config) {
  return bert_sizes(config, {.vocab = 250300,
                             .embedding = config.integer("input_embedding_size", 256),
                             .hidden = 1152,
                             .layers = 32,
                             .heads = 18,
                             .intermediate = 4608,
                             .dropout = 0.0,
                             .attention_dropout = 0.0});
}

class TFRemBertEncoder : public Module<TFRemBertEncoder> {
 public:
  TFRemBertEncoder(const Scope& scope, const BertSizes& sizes)
      : Module(scope),
        embedding_hidden_mapping_in(scope / "embedding_hidden_mapping_in", sizes.embedding, sizes.hidden),
        layer(layers_of<TFBertLayer>(scope / "layer", sizes.layers, sizes)) {}

  ModelOutput call(const Tensor& embedding_output, const Memory& memory, const Call& call) const {
    return run_layers(layer, embedding_hidden_mapping_in(embedding_output), call,
                      [&](const TFBertLayer& layer_module, const Tensor& hidden_states) {
                        return layer_module(hidden_states, memory, call);
                      });
  }

  const Dense embedding_hidden_mapping_in;
  const std::vector<TFBertLayer> layer;
};

class TFRemBertMainLayer : public Module<TFRemBertMainLayer> {
 public:
  TFRemBertMainLayer(const Scope& scope, const Config& config, bool add_pooling_layer)
      : Module(scope),
        embeddings(scope / "embeddings", sizes_of(config)),
        encoder(scope / "encoder", sizes_of(config)),
        pooler(maybe<TFBertPooler>(add_pooling_layer, scope / "pooler", sizes_of(config))),
        is_decoder_(sizes_of(config).is_decoder) {}

  ModelOutput call(const ModelInputs& inputs, const Call& call) const {
    const Tensor embedding_output = embeddings(inputs, call);
    return with_pooler_output(encoder(embedding_output, memory_of(inputs, embedding_output, is_decoder_), call),
                              pooler);
  }

  const TFBertEmbeddings embeddings;
  const TFRemBertEncoder encoder;
  const std::optional<TFBertPooler> pooler;

 private:
  const bool is_decoder_;
};

class TFRemBertPreTrainedModel : public Model {
 public:
  using MainLayer = TFRemBertMainLayer;
  static constexpr const char* kMainLayer = "rembert";

  explicit TFRemBertPreTrainedModel(const Config& config, std::size_t rank = 2)
      : Model(config, bert_interface(sizes_of(config), rank)) {}

  static HeadSizes head_sizes(const Config& config) {
    return {sizes_of(config).hidden, config.number("classifier_dropout_prob", 0.1)};
  }
};

/// A table and a bias that are its own, laid out as word embeddings are.
class TFRemBertDecoder : public Module<TFRemBertDecoder> {
 public:
  TFRemBertDecoder(const Scope& scope, std::int64_t vocab, std::int64_t width)
      : Module(scope),
        weight_(scope.variable("weight", "weight", {vocab, width})),
        bias_(scope.variable("bias", "bias", {vocab})) {}

  Tensor call(const Tensor& x) const {
    ModelGraph& graph = ModelGraph::of(x);
    return tf::einsum("blw,vw->blv", x, graph.value(weight_)) + graph.value(bias_);
  }

 private:
  const Variable& weight_;
  const Variable& bias_;
};

class TFRemBertLMPredictionHead : public Module<TFRemBertLMPredictionHead> {
 public:
  TFRemBertLMPredictionHead(const Scope& scope, const BertSizes& sizes, std::int64_t width)
      : Module(scope),
        decoder(scope / "decoder", sizes.vocab, width),
        dense(scope / "dense", sizes.hidden, width),
        activation(scope / "activation", sizes.act),
        LayerNorm(scope / "LayerNorm", width, sizes.eps) {}

  Tensor call(const Tensor& hidden_states) const { return decoder(LayerNorm(activation(dense(hidden_states)))); }

  const TFRemBertDecoder decoder;
  const Dense dense;
  const Activation activation;
  const LayerNormalization LayerNorm;
};

class TFRemBertMLMHead : public Module<TFRemBertMLMHead> {
 public:
  static constexpr const char* kScope = "mlm___cls";
  static constexpr bool kHoldsEmbeddings = false;

  TFRemBertMLMHead(const Scope& scope, const Config& config, const Embedding&)
      : Module(scope),
        predictions(scope / "predictions", sizes_of(config), config.integer("output_embedding_size", 1664)) {}

  Tensor call(const Tensor& sequence_output) const { return predictions(sequence_output); }

  const TFRemBertLMPredictionHead predictions;
};

using Base = TFRemBertPreTrainedModel;

}  // namespace

Architecture modeling_tf_rembert() {
  return {.model_type = "rembert",
          .base_model_prefix = "rembert",
          .source = "transformers/models/rembert/modeling_rembert.py, 4.57.6",
          .ignores = {{"embeddings.position_ids", "a buffer: 0, 1, 2, ..."}},
          .heads = {
              head<BaseModel<Base>>("TFRemBertModel", {"TFAutoModel", "TFAutoModelForTextEncoding"}),
              head<MaskedLM<Base, TFRemBertMLMHead>>("TFRemBertForMaskedLM",
                                                     {"TFAutoModelForMaskedLM", "TFAutoModelWithLMHead"}),
              head<CausalLM<Base, TFRemBertMLMHead>>("TFRemBertForCausalLM", {"TFAutoModelForCausalLM"}),
              head<SequenceClassification<Base>>("TFRemBertForSequenceClassification",
                                                 {"TFAutoModelForSequenceClassification"}),
              head<MultipleChoice<Base>>("TFRemBertForMultipleChoice", {"TFAutoModelForMultipleChoice"}),
              head<TokenClassification<Base>>("TFRemBertForTokenClassification", {"TFAutoModelForTokenClassification"}),
              head<QuestionAnswering<Base>>("TFRemBertForQuestionAnswering", {"TFAutoModelForQuestionAnswering"}),
          }};
}

}  // namespace crossload::models

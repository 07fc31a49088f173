// LayoutLM, as transformers/models/layoutlm/modeling_layoutlm.py of Transformers 4.57.6 has it: BERT (its layers are in
// blocks/bert_block.h) that also reads where each word stands on the page.
//
// Where v4's TensorFlow classes differ from PyTorch's, PyTorch is followed: the mask's lowest value is float32's (v4
// adds -10000), and an output projection that is not tied to the word embeddings (tie_word_embeddings false) is here.
#include "blocks/bert_block.h"
#include "blocks/heads.h"

namespace crossload::models {
namespace {

using namespace blocks;  // NOLINT: blocks and layers are this file's vocabulary
using namespace keras;   // NOLINT

class TFLayoutLMEmbeddings : public Module<TFLayoutLMEmbeddings> {
 public:
  TFLayoutLMEmbeddings(const Scope& scope, const BertSizes& sizes, std::int64_t places)
      : Module(scope),
        word_embeddings(scope / "word_embeddings", sizes.vocab, sizes.hidden, "weight"),
        token_type_embeddings(scope / "token_type_embeddings", sizes.types, sizes.hidden),
        position_embeddings(scope / "position_embeddings", sizes.positions, sizes.hidden),
        x_position_embeddings(scope / "x_position_embeddings", places, sizes.hidden),
        y_position_embeddings(scope / "y_position_embeddings", places, sizes.hidden),
        h_position_embeddings(scope / "h_position_embeddings", places, sizes.hidden),
        w_position_embeddings(scope / "w_position_embeddings", places, sizes.hidden),
        LayerNorm(scope / "LayerNorm", sizes.hidden, sizes.eps),
        dropout(scope / "dropout", sizes.dropout) {}

  /// bbox [batch, length, 4]: left, top, right and bottom of each word; zeros when it is not passed
  Tensor call(const ModelInputs& inputs, const Call& call) const {
    const Tensor words = embedded_words(inputs, word_embeddings);
    const tf::Dims dims = tf::dims_of(words);
    const MaybeTensor bbox = inputs.find("bbox");
    const Tensor zeros = tf::fill(words.graph(), {dims[0], dims[1]}, words.graph().constant(std::int32_t{0}));
    const auto side = [&](int index) { return bbox ? tf::select(*bbox, /*axis=*/2, index) : zeros; };
    const Tensor left = side(0), top = side(1), right = side(2), bottom = side(3);
    Tensor embeddings = words + position_embeddings(position_ids(inputs, words));
    embeddings = embeddings + x_position_embeddings(left);
    embeddings = embeddings + y_position_embeddings(top);
    embeddings = embeddings + x_position_embeddings(right);
    embeddings = embeddings + y_position_embeddings(bottom);
    embeddings = embeddings + h_position_embeddings(bottom - top);
    embeddings = embeddings + w_position_embeddings(right - left);
    embeddings = embeddings + token_type_embeddings(token_type_ids(inputs, words));
    return dropout(LayerNorm(embeddings), call);
  }

  const Embedding word_embeddings;
  const Embedding token_type_embeddings;
  const Embedding position_embeddings;
  const Embedding x_position_embeddings;
  const Embedding y_position_embeddings;
  const Embedding h_position_embeddings;
  const Embedding w_position_embeddings;
  const LayerNormalization LayerNorm;
  const Dropout dropout;
};

/// It has a pooler in every class.
class TFLayoutLMMainLayer : public Module<TFLayoutLMMainLayer> {
 public:
  TFLayoutLMMainLayer(const Scope& scope, const Config& config)
      : Module(scope),
        embeddings(scope / "embeddings", bert_sizes(config), config.integer("max_2d_position_embeddings", 1024)),
        encoder(scope / "encoder", bert_sizes(config)),
        pooler(TFBertPooler(scope / "pooler", bert_sizes(config))) {}

  ModelOutput call(const ModelInputs& inputs, const Call& call) const {
    const Tensor embedding_output = embeddings(inputs, call);
    const Memory memory = memory_of(inputs, embedding_output, /*is_decoder=*/false);
    return with_pooler_output(encoder(embedding_output, memory, call), pooler);
  }

  const TFLayoutLMEmbeddings embeddings;
  const TFBertEncoder encoder;
  const std::optional<TFBertPooler> pooler;
};

class TFLayoutLMPreTrainedModel : public Model {
 public:
  using MainLayer = TFLayoutLMMainLayer;
  static constexpr const char* kMainLayer = "layoutlm";

  explicit TFLayoutLMPreTrainedModel(const Config& config) : Model(config, interface(bert_sizes(config))) {}

  static HeadSizes head_sizes(const Config& config) { return {bert_sizes(config).hidden, bert_sizes(config).dropout}; }

 private:
  static Interface interface(const BertSizes& sizes) {
    Interface interface = text_interface({.embeds = sizes.hidden});
    interface.serving.push_back({"bbox", tf::DataType::kInt32, {-1, -1, 4}});
    interface.calls.push_back({"input_ids", "bbox"});
    interface.defaults.push_back({"bbox", 0, {"input_ids", "inputs_embeds"}});
    return interface;
  }
};

struct WordsHead : TFBertMLMHead {
  static constexpr const char* kScope = "mlm___cls";
  static constexpr bool kHoldsEmbeddings = true;
  WordsHead(const Scope& scope, const Config& config, const Embedding& word_embeddings)
      : TFBertMLMHead(scope, bert_sizes(config), word_embeddings) {}
};

using Base = TFLayoutLMPreTrainedModel;

}  // namespace

Architecture modeling_tf_layoutlm() {
  return {
      .model_type = "layoutlm",
      .base_model_prefix = "layoutlm",
      .source = "transformers/models/layoutlm/modeling_layoutlm.py, 4.57.6",
      .ignores = {{"embeddings.position_ids", "a buffer: 0, 1, 2, ..."}},
      .heads = {
          head<BaseModel<Base>>("TFLayoutLMModel", {"TFAutoModel"}),
          head<MaskedLM<Base, WordsHead>>("TFLayoutLMForMaskedLM", {"TFAutoModelForPreTraining",
                                                                    "TFAutoModelForMaskedLM", "TFAutoModelWithLMHead"}),
          head<SequenceClassification<Base>>("TFLayoutLMForSequenceClassification",
                                             {"TFAutoModelForSequenceClassification"}),
          head<TokenClassification<Base>>("TFLayoutLMForTokenClassification", {"TFAutoModelForTokenClassification"}),
          head<QuestionAnswering<Base>>("TFLayoutLMForQuestionAnswering", {"TFAutoModelForDocumentQuestionAnswering"}),
      }};
}

}  // namespace crossload::models

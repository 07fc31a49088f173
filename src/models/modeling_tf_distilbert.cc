// DistilBERT, as transformers/models/distilbert/modeling_distilbert.py of Transformers 4.57.6 has it.
//
// Where v4's TensorFlow classes differ from PyTorch's, PyTorch is followed: a masked score becomes the lowest float32
// (v4 subtracts 1e30, which shows where a whole row is masked), and the output projection may be untied from the word
// embeddings (tie_word_embeddings false). sinusoidal_pos_embds says how the position embeddings began: they are weights
// of the checkpoint like any other.
#include "blocks/heads.h"

namespace crossload::models {
namespace {

using namespace blocks;  // NOLINT: blocks and layers are this file's vocabulary
using namespace keras;   // NOLINT

constexpr double kLayerNormEps = 1e-12;  // no field of the configuration

// Some fields have two names, as in DistilBertConfig.attribute_map; the common one counts when both are there.
std::int64_t dim(const Config& config) { return config.integer("hidden_size", config.integer("dim", 768)); }
std::int64_t n_heads(const Config& config) {
  return config.integer("num_attention_heads", config.integer("n_heads", 12));
}
std::int64_t n_layers(const Config& config) {
  return config.integer("num_hidden_layers", config.integer("n_layers", 6));
}
std::int64_t hidden_dim(const Config& config) { return config.integer("hidden_dim", 3072); }
std::int64_t vocab_size(const Config& config) { return config.integer("vocab_size", 30522); }
double dropout_rate(const Config& config) { return config.number("dropout", 0.1); }
double seq_classif_dropout(const Config& config) { return config.number("seq_classif_dropout", 0.2); }
std::string activation_name(const Config& config) { return config.text("activation", "gelu"); }

class TFEmbeddings : public Module<TFEmbeddings> {
 public:
  TFEmbeddings(const Scope& scope, const Config& config)
      : Module(scope),
        word_embeddings(scope / "word_embeddings", vocab_size(config), dim(config), "weight"),
        position_embeddings(scope / "position_embeddings", config.integer("max_position_embeddings", 512), dim(config)),
        LayerNorm(scope / "LayerNorm", dim(config), kLayerNormEps),
        dropout(scope / "dropout", dropout_rate(config)) {}

  Tensor call(const ModelInputs& inputs, const Call& call) const {
    const Tensor words = embedded_words(inputs, word_embeddings);
    return dropout(LayerNorm(words + position_embeddings(position_ids(inputs, words))), call);
  }

  const Embedding word_embeddings;
  const Embedding position_embeddings;
  const LayerNormalization LayerNorm;
  const Dropout dropout;
};

class TFMultiHeadSelfAttention : public Module<TFMultiHeadSelfAttention> {
 public:
  TFMultiHeadSelfAttention(const Scope& scope, const Config& config)
      : Module(scope),
        heads("dim", dim(config), "n_heads", n_heads(config)),
        dropout(scope / "dropout", config.number("attention_dropout", 0.1)),
        q_lin(scope / "q_lin", dim(config), dim(config)),
        k_lin(scope / "k_lin", dim(config), dim(config)),
        v_lin(scope / "v_lin", dim(config), dim(config)),
        out_lin(scope / "out_lin", dim(config), dim(config)) {}

  /// x [batch, length, dim], is_masked bool [batch, 1, 1, keys] -> the context of x's shape and the weights
  /// [batch, heads, queries, keys]
  std::tuple<Tensor, Tensor> call(const Tensor& x, const MaybeTensor& is_masked, const Call& call) const {
    const Tensor q = split_heads(q_lin(x), heads) / heads.root();
    const Tensor k = split_heads(k_lin(x), heads);
    const Tensor v = split_heads(v_lin(x), heads);
    const Tensor scores = masked_fill(attention_scores(q, k), is_masked);
    const Tensor weights = dropout(tf::softmax(scores), call);
    return {out_lin(attend(weights, v)), weights};
  }

  const Heads heads;
  const Dropout dropout;
  const Dense q_lin;
  const Dense k_lin;
  const Dense v_lin;
  const Dense out_lin;
};

class TFFFN : public Module<TFFFN> {
 public:
  TFFFN(const Scope& scope, const Config& config)
      : Module(scope),
        dropout(scope / "dropout", dropout_rate(config)),
        lin1(scope / "lin1", dim(config), hidden_dim(config)),
        lin2(scope / "lin2", hidden_dim(config), dim(config)),
        activation(scope / "activation", activation_name(config)) {}

  Tensor call(const Tensor& input, const Call& call) const { return dropout(lin2(activation(lin1(input))), call); }

  const Dropout dropout;
  const Dense lin1;
  const Dense lin2;
  const Activation activation;
};

class TFTransformerBlock : public Module<TFTransformerBlock> {
 public:
  TFTransformerBlock(const Scope& scope, const Config& config)
      : Module(scope),
        attention(scope / "attention", config),
        sa_layer_norm(scope / "sa_layer_norm", dim(config), kLayerNormEps),
        ffn(scope / "ffn", config),
        output_layer_norm(scope / "output_layer_norm", dim(config), kLayerNormEps) {}

  /// The attention weights, then the hidden states.
  std::tuple<Tensor, Tensor> call(const Tensor& x, const MaybeTensor& is_masked, const Call& call) const {
    const auto [context, sa_weights] = attention(x, is_masked, call);
    const Tensor sa_output = sa_layer_norm(residual(context, x));
    return {sa_weights, output_layer_norm(residual(ffn(sa_output, call), sa_output))};
  }

  const TFMultiHeadSelfAttention attention;
  const LayerNormalization sa_layer_norm;
  const TFFFN ffn;
  const LayerNormalization output_layer_norm;
};

class TFTransformer : public Module<TFTransformer> {
 public:
  TFTransformer(const Scope& scope, const Config& config)
      : Module(scope), layer(layers_of<TFTransformerBlock>(scope / "layer", n_layers(config), config)) {}

  ModelOutput call(const Tensor& x, const MaybeTensor& is_masked, const Call& call) const {
    return run_layers(layer, x, call, [&](const TFTransformerBlock& layer_module, const Tensor& hidden_state) {
      const auto [attentions, layer_output] = layer_module(hidden_state, is_masked, call);
      return LayerOutput{layer_output, attentions};
    });
  }

  const std::vector<TFTransformerBlock> layer;
};

class TFDistilBertMainLayer : public Module<TFDistilBertMainLayer> {
 public:
  TFDistilBertMainLayer(const Scope& scope, const Config& config)
      : Module(scope), embeddings(scope / "embeddings", config), transformer(scope / "transformer", config) {}

  ModelOutput call(const ModelInputs& inputs, const Call& call) const {
    return transformer(embeddings(inputs, call), is_masked(inputs.find("attention_mask")), call);
  }

  const TFEmbeddings embeddings;
  const TFTransformer transformer;

 private:
  /// [batch, keys] of ones and zeros -> bool [batch, 1, 1, keys], true where it is zero
  static MaybeTensor is_masked(const MaybeTensor& attention_mask) {
    if (!attention_mask) return std::nullopt;
    if (attention_mask->rank() != 2) {
      throw Error(ErrorKind::kUsage, "attention_mask has " + std::to_string(attention_mask->rank()) +
                                         " dimensions; DistilBERT takes [batch, length]");
    }
    const Tensor is_zero = tf::equal(*attention_mask, tf::zeros_like(*attention_mask));
    return tf::expand_dims(tf::expand_dims(is_zero, 1), 1);
  }
};

class TFDistilBertPreTrainedModel : public Model {
 public:
  using MainLayer = TFDistilBertMainLayer;
  static constexpr const char* kMainLayer = "distilbert";

  explicit TFDistilBertPreTrainedModel(const Config& config, std::size_t rank = 2)
      : Model(config,
              text_interface({.rank = rank, .token_type_ids = false, .position_ids = false, .embeds = dim(config)})) {}

  static HeadSizes head_sizes(const Config& config) { return {dim(config), dropout_rate(config)}; }
};

class TFDistilBertForMaskedLM : public TFDistilBertPreTrainedModel {
 public:
  TFDistilBertForMaskedLM(const Scope& scope, const Config& config)
      : TFDistilBertPreTrainedModel(config),
        activation(scope / "activation", activation_name(config)),
        distilbert(scope / "distilbert", config),
        vocab_transform(scope / "vocab_transform", dim(config), dim(config)),
        vocab_layer_norm(scope / "vocab_layer_norm", dim(config), kLayerNormEps),
        vocab_projector(scope / "vocab_projector", distilbert.embeddings.word_embeddings,
                        (scope / "vocab_projector").variable("bias", "bias", {vocab_size(config)}),
                        config.flag("tie_word_embeddings", true)) {
    // Keras' weights file repeats the embeddings below a layer that holds them.
    (scope / "vocab_projector").holds(scope / "distilbert" / "embeddings");
  }

  ModelOutput call(const ModelInputs& inputs, const Call& call) const override {
    const ModelOutput outputs = distilbert(inputs, call);
    const Tensor transformed = vocab_layer_norm(activation(vocab_transform(outputs.at("last_hidden_state"))));
    return with_logits(vocab_projector(transformed), outputs);
  }

  const Activation activation;
  const TFDistilBertMainLayer distilbert;
  const Dense vocab_transform;
  const LayerNormalization vocab_layer_norm;
  const LanguageModelDecoder vocab_projector;
};

class TFDistilBertForSequenceClassification : public TFDistilBertPreTrainedModel {
 public:
  TFDistilBertForSequenceClassification(const Scope& scope, const Config& config)
      : TFDistilBertPreTrainedModel(config),
        distilbert(scope / "distilbert", config),
        pre_classifier(scope / "pre_classifier", dim(config), dim(config)),
        classifier(scope / "classifier", dim(config), config.num_labels()),
        dropout(scope / "dropout", seq_classif_dropout(config)) {}

  ModelOutput call(const ModelInputs& inputs, const Call& call) const override {
    const ModelOutput outputs = distilbert(inputs, call);
    const Tensor first_token = tf::select(outputs.at("last_hidden_state"), /*axis=*/1, /*index=*/0);  // [batch, dim]
    const Tensor pooled_output = dropout(tf::relu(pre_classifier(first_token)), call);
    return with_logits(classifier(pooled_output), outputs);
  }

  const TFDistilBertMainLayer distilbert;
  const Dense pre_classifier;
  const Dense classifier;
  const Dropout dropout;
};

class TFDistilBertForMultipleChoice : public TFDistilBertPreTrainedModel {
 public:
  TFDistilBertForMultipleChoice(const Scope& scope, const Config& config)
      : TFDistilBertPreTrainedModel(config, /*rank=*/3),
        distilbert(scope / "distilbert", config),
        pre_classifier(scope / "pre_classifier", dim(config), dim(config)),
        classifier(scope / "classifier", dim(config), 1),
        dropout(scope / "dropout", seq_classif_dropout(config)) {}

  /// Inputs [batch, choices, length] are run as [batch * choices, length] -> logits [batch, choices]
  ModelOutput call(const ModelInputs& inputs, const Call& call) const override {
    const ModelOutput outputs = distilbert(fold_choices(inputs), call);
    const Tensor first_token = tf::select(outputs.at("last_hidden_state"), /*axis=*/1, /*index=*/0);
    const Tensor pooled_output = dropout(tf::relu(pre_classifier(first_token)), call);
    return with_logits(unfold_choices(classifier(pooled_output), inputs), outputs);
  }

  const TFDistilBertMainLayer distilbert;
  const Dense pre_classifier;
  const Dense classifier;
  const Dropout dropout;
};

class TFDistilBertForQuestionAnswering : public TFDistilBertPreTrainedModel {
 public:
  TFDistilBertForQuestionAnswering(const Scope& scope, const Config& config)
      : TFDistilBertPreTrainedModel(config),
        distilbert(scope / "distilbert", config),
        qa_outputs(scope / "qa_outputs", dim(config), two_labels(config)),
        dropout(scope / "dropout", config.number("qa_dropout", 0.1)) {}

  ModelOutput call(const ModelInputs& inputs, const Call& call) const override {
    const ModelOutput outputs = distilbert(inputs, call);
    return with_span_logits(qa_outputs(dropout(outputs.at("last_hidden_state"), call)), outputs);
  }

  const TFDistilBertMainLayer distilbert;
  const Dense qa_outputs;
  const Dropout dropout;
};

using Base = TFDistilBertPreTrainedModel;

}  // namespace

Architecture modeling_tf_distilbert() {
  return {
      .model_type = "distilbert",
      .base_model_prefix = "distilbert",
      .source = "transformers/models/distilbert/modeling_distilbert.py, 4.57.6",
      .ignores = {{"embeddings.position_ids", "a buffer: 0, 1, 2, ..."}},
      .heads = {
          head<BaseModel<Base>>("TFDistilBertModel", {"TFAutoModel", "TFAutoModelForTextEncoding"}),
          head<TFDistilBertForMaskedLM>("TFDistilBertForMaskedLM", {"TFAutoModelForPreTraining",
                                                                    "TFAutoModelForMaskedLM", "TFAutoModelWithLMHead"}),
          head<TFDistilBertForSequenceClassification>("TFDistilBertForSequenceClassification",
                                                      {"TFAutoModelForSequenceClassification"}),
          head<TFDistilBertForMultipleChoice>("TFDistilBertForMultipleChoice", {"TFAutoModelForMultipleChoice"}),
          head<TokenClassification<Base>>("TFDistilBertForTokenClassification", {"TFAutoModelForTokenClassification"}),
          head<TFDistilBertForQuestionAnswering>("TFDistilBertForQuestionAnswering",
                                                 {"TFAutoModelForQuestionAnswering"}),
      }};
}

}  // namespace crossload::models

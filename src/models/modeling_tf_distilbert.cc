// DistilBERT, as transformers/models/distilbert/modeling_distilbert.py of Transformers 4.57.6 has it.
//
// Where v4's TensorFlow classes differ from PyTorch's, PyTorch is followed: a masked score becomes the lowest float32
// (v4 subtracts 1e30, which shows where a whole row is masked), and the output projection may be untied from the word
// embeddings (tie_word_embeddings false). sinusoidal_pos_embds says how the position embeddings began: they are weights
// of the checkpoint like any other.
#include <cmath>
#include <limits>
#include <tuple>

#include "crossload/error.h"
#include "keras/activation.h"
#include "keras/architecture.h"
#include "keras/layers.h"

namespace crossload::models {
namespace {

using namespace keras;  // NOLINT: the layers are this file's vocabulary
using tf::Tensor;
using MaybeTensor = std::optional<Tensor>;

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

  Tensor call(const ModelInputs& inputs, bool training) const {
    const MaybeTensor inputs_embeds = inputs.find("inputs_embeds");
    const Tensor words = inputs_embeds ? *inputs_embeds : word_embeddings(inputs.at("input_ids"));
    const tf::Dim length = tf::dims_of(words)[1];
    const Tensor positions = position_embeddings(tf::expand_dims(tf::range(words.graph(), length), 0));
    return dropout(LayerNorm(words + positions), training);
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
        n_heads_(n_heads(config)),
        dim_per_head_(head_size(scope, dim(config), n_heads_)),
        dropout(scope / "dropout", config.number("attention_dropout", 0.1)),
        q_lin(scope / "q_lin", dim(config), dim(config)),
        k_lin(scope / "k_lin", dim(config), dim(config)),
        v_lin(scope / "v_lin", dim(config), dim(config)),
        out_lin(scope / "out_lin", dim(config), dim(config)) {}

  /// x [batch, length, dim], masked bool [batch, 1, 1, keys] -> the context of x's shape and the weights
  /// [batch, heads, queries, keys]
  std::tuple<Tensor, Tensor> call(const Tensor& x, const MaybeTensor& masked, bool training) const {
    const Tensor q = split_heads(q_lin(x)) / std::sqrt(static_cast<double>(dim_per_head_));
    const Tensor k = split_heads(k_lin(x));
    const Tensor v = split_heads(v_lin(x));
    Tensor scores = tf::matmul(q, k, /*transpose_a=*/false, /*transpose_b=*/true);
    if (masked) scores = tf::where(*masked, x.graph().constant(std::numeric_limits<float>::lowest()), scores);
    const Tensor weights = dropout(tf::softmax(scores), training);
    const Tensor context = tf::transpose(tf::matmul(weights, v), {0, 2, 1, 3});  // [batch, queries, heads, head size]
    return {out_lin(tf::reshape(context, tf::dims_of(x))), weights};
  }

 private:
  static std::int64_t head_size(const Scope& scope, std::int64_t dim, std::int64_t heads) {
    if (heads <= 0 || dim % heads != 0) {
      throw Error(ErrorKind::kBadInput, "config.json: dim " + std::to_string(dim) + " is not a multiple of n_heads " +
                                            std::to_string(heads) + ", which " + scope.path() + " needs");
    }
    return dim / heads;
  }

  /// [batch, length, dim] -> [batch, heads, length, head size]
  Tensor split_heads(const Tensor& x) const {
    const tf::Dims dims = tf::dims_of(x);
    return tf::transpose(tf::reshape(x, {dims[0], -1, n_heads_, dim_per_head_}), {0, 2, 1, 3});
  }

  const std::int64_t n_heads_;
  const std::int64_t dim_per_head_;

 public:
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

  Tensor call(const Tensor& input, bool training) const { return dropout(lin2(activation(lin1(input))), training); }

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
  std::tuple<Tensor, Tensor> call(const Tensor& x, const MaybeTensor& masked, bool training) const {
    const auto [context, sa_weights] = attention(x, masked, training);
    const Tensor sa_output = sa_layer_norm(context + x);
    return {sa_weights, output_layer_norm(ffn(sa_output, training) + sa_output)};
  }

  const TFMultiHeadSelfAttention attention;
  const LayerNormalization sa_layer_norm;
  const TFFFN ffn;
  const LayerNormalization output_layer_norm;
};

class TFTransformer : public Module<TFTransformer> {
 public:
  TFTransformer(const Scope& scope, const Config& config) : Module(scope) {
    for (std::int64_t i = 0; i < n_layers(config); ++i) layer.emplace_back(scope / "layer" / i, config);
  }

  ModelOutput call(Tensor hidden_state, const MaybeTensor& masked, const ModelInputs& options, bool training) const {
    std::vector<Tensor> all_hidden_states;
    std::vector<Tensor> all_attentions;
    for (const TFTransformerBlock& layer_module : layer) {
      if (options.output_hidden_states) all_hidden_states.push_back(hidden_state);
      const auto [attentions, layer_output] = layer_module(hidden_state, masked, training);
      hidden_state = layer_output;
      if (options.output_attentions) all_attentions.push_back(attentions);
    }
    if (options.output_hidden_states) all_hidden_states.push_back(hidden_state);
    ModelOutput outputs;
    outputs.add("last_hidden_state", hidden_state).add("hidden_states", all_hidden_states);
    return outputs.add("attentions", all_attentions);
  }

  std::vector<TFTransformerBlock> layer;
};

class TFDistilBertMainLayer : public Module<TFDistilBertMainLayer> {
 public:
  TFDistilBertMainLayer(const Scope& scope, const Config& config)
      : Module(scope),
        scope_(scope),
        embeddings(scope / "embeddings", config),
        transformer(scope / "transformer", config) {}

  ModelOutput call(const ModelInputs& inputs, bool training) const {
    return transformer(embeddings(inputs, training), masked(inputs.find("attention_mask")), inputs, training);
  }

  /// Keras' weights file repeats the embeddings below a layer that holds them.
  void embeddings_held_by(const Scope& layer) const { layer.holds(scope_ / "embeddings"); }

 private:
  /// [batch, keys] of ones and zeros -> bool [batch, 1, 1, keys], true where it is zero
  static MaybeTensor masked(const MaybeTensor& attention_mask) {
    if (!attention_mask) return std::nullopt;
    if (attention_mask->rank() != 2) {
      throw Error(ErrorKind::kUsage, "attention_mask has " + std::to_string(attention_mask->rank()) +
                                         " dimensions; DistilBERT takes [batch, length]");
    }
    const Tensor is_zero = tf::equal(*attention_mask, tf::zeros_like(*attention_mask));
    return tf::expand_dims(tf::expand_dims(is_zero, 1), 1);
  }

  const Scope scope_;

 public:
  const TFEmbeddings embeddings;
  const TFTransformer transformer;
};

class TFDistilBertPreTrainedModel : public TFPreTrainedModel {
 public:
  using TFPreTrainedModel::TFPreTrainedModel;

  Signature serving() const override { return token_inputs({"input_ids", "attention_mask"}, /*rank=*/2); }

  Signature inputs() const override {
    Signature all = serving();
    all.push_back({"inputs_embeds", tf::DataType::kFloat, {-1, -1, dim(config())}});
    return all;
  }

  std::vector<Signature> other_calls() const override { return {{serving()[0]}}; }
};

// Copied from bert.TFBertModel with Bert->DistilBert, bert->distilbert
class TFDistilBertModel : public TFDistilBertPreTrainedModel {
 public:
  // Ignore copy
  TFDistilBertModel(const Scope& scope, const Config& config)
      : TFDistilBertPreTrainedModel(config), distilbert(scope.in_tensorflow("distilbert"), config) {}

  ModelOutput call(const ModelInputs& inputs, bool training) const override { return distilbert(inputs, training); }

  const TFDistilBertMainLayer distilbert;
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
    distilbert.embeddings_held_by(scope / "vocab_projector");
  }

  ModelOutput call(const ModelInputs& inputs, bool training) const override {
    const ModelOutput outputs = distilbert(inputs, training);
    const Tensor transformed = vocab_layer_norm(activation(vocab_transform(outputs.at("last_hidden_state"))));
    ModelOutput result;
    result.add("logits", vocab_projector(transformed));
    return result.add_from(outputs, {"hidden_states", "attentions"});
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

  ModelOutput call(const ModelInputs& inputs, bool training) const override {
    const ModelOutput outputs = distilbert(inputs, training);
    const Tensor first_token = tf::select(outputs.at("last_hidden_state"), /*axis=*/1, /*index=*/0);  // [batch, dim]
    const Tensor pooled_output = dropout(tf::relu(pre_classifier(first_token)), training);
    ModelOutput result;
    result.add("logits", classifier(pooled_output));
    return result.add_from(outputs, {"hidden_states", "attentions"});
  }

  const TFDistilBertMainLayer distilbert;
  const Dense pre_classifier;
  const Dense classifier;
  const Dropout dropout;
};

class TFDistilBertForMultipleChoice : public TFDistilBertPreTrainedModel {
 public:
  TFDistilBertForMultipleChoice(const Scope& scope, const Config& config)
      : TFDistilBertPreTrainedModel(config),
        distilbert(scope / "distilbert", config),
        pre_classifier(scope / "pre_classifier", dim(config), dim(config)),
        classifier(scope / "classifier", dim(config), 1),
        dropout(scope / "dropout", seq_classif_dropout(config)) {}

  Signature serving() const override { return token_inputs({"input_ids", "attention_mask"}, /*rank=*/3); }

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
    const ModelOutput outputs = distilbert(flat, training);
    const Tensor first_token = tf::select(outputs.at("last_hidden_state"), /*axis=*/1, /*index=*/0);
    const Tensor pooled_output = dropout(tf::relu(pre_classifier(first_token)), training);
    ModelOutput result;
    result.add("logits", tf::reshape(classifier(pooled_output), {-1, num_choices}));
    return result.add_from(outputs, {"hidden_states", "attentions"});
  }

  const TFDistilBertMainLayer distilbert;
  const Dense pre_classifier;
  const Dense classifier;
  const Dropout dropout;
};

class TFDistilBertForTokenClassification : public TFDistilBertPreTrainedModel {
 public:
  TFDistilBertForTokenClassification(const Scope& scope, const Config& config)
      : TFDistilBertPreTrainedModel(config),
        distilbert(scope / "distilbert", config),
        dropout(scope / "dropout", dropout_rate(config)),
        classifier(scope / "classifier", dim(config), config.num_labels()) {}

  ModelOutput call(const ModelInputs& inputs, bool training) const override {
    const ModelOutput outputs = distilbert(inputs, training);
    ModelOutput result;
    result.add("logits", classifier(dropout(outputs.at("last_hidden_state"), training)));
    return result.add_from(outputs, {"hidden_states", "attentions"});
  }

  const TFDistilBertMainLayer distilbert;
  const Dropout dropout;
  const Dense classifier;
};

class TFDistilBertForQuestionAnswering : public TFDistilBertPreTrainedModel {
 public:
  TFDistilBertForQuestionAnswering(const Scope& scope, const Config& config)
      : TFDistilBertPreTrainedModel(config),
        distilbert(scope / "distilbert", config),
        qa_outputs(scope / "qa_outputs", dim(config), config.num_labels()),
        dropout(scope / "dropout", config.number("qa_dropout", 0.1)) {
    if (config.num_labels() != 2) {
      throw Error(ErrorKind::kBadInput, "config.json: question answering needs 2 labels (start, end), not " +
                                            std::to_string(config.num_labels()));
    }
  }

  ModelOutput call(const ModelInputs& inputs, bool training) const override {
    const ModelOutput outputs = distilbert(inputs, training);
    const Tensor logits = qa_outputs(dropout(outputs.at("last_hidden_state"), training));  // [batch, length, 2]
    ModelOutput result;
    result.add("start_logits", tf::select(logits, /*axis=*/2, /*index=*/0));
    result.add("end_logits", tf::select(logits, /*axis=*/2, /*index=*/1));
    return result.add_from(outputs, {"hidden_states", "attentions"});
  }

  const TFDistilBertMainLayer distilbert;
  const Dense qa_outputs;
  const Dropout dropout;
};

}  // namespace

Architecture modeling_tf_distilbert() {
  const std::pair<std::string, std::string> position_ids = {"embeddings.position_ids", "a buffer: 0, 1, 2, ..."};
  const std::pair<std::string, std::string> no_transform = {"vocab_transform.", "of masked language modeling"};
  const std::pair<std::string, std::string> no_norm = {"vocab_layer_norm.", "of masked language modeling"};
  const std::pair<std::string, std::string> no_projector = {"vocab_projector.", "of masked language modeling"};
  return {"distilbert",
          "distilbert",
          "transformers/models/distilbert/modeling_distilbert.py, 4.57.6",
          {
              head<TFDistilBertModel>("TFDistilBertModel", {"TFAutoModel", "TFAutoModelForTextEncoding"},
                                      {position_ids,
                                       no_transform,
                                       no_norm,
                                       no_projector,
                                       {"pre_classifier.", "a head's, which this class lacks"},
                                       {"classifier.", "a head's, which this class lacks"},
                                       {"qa_outputs.", "a head's, which this class lacks"}}),
              head<TFDistilBertForMaskedLM>(
                  "TFDistilBertForMaskedLM",
                  {"TFAutoModelForPreTraining", "TFAutoModelForMaskedLM", "TFAutoModelWithLMHead"}, {position_ids}),
              head<TFDistilBertForSequenceClassification>("TFDistilBertForSequenceClassification",
                                                          {"TFAutoModelForSequenceClassification"},
                                                          {position_ids, no_transform, no_norm, no_projector}),
              head<TFDistilBertForMultipleChoice>("TFDistilBertForMultipleChoice", {"TFAutoModelForMultipleChoice"},
                                                  {position_ids, no_transform, no_norm, no_projector}),
              head<TFDistilBertForTokenClassification>("TFDistilBertForTokenClassification",
                                                       {"TFAutoModelForTokenClassification"},
                                                       {position_ids, no_transform, no_norm, no_projector}),
              head<TFDistilBertForQuestionAnswering>("TFDistilBertForQuestionAnswering",
                                                     {"TFAutoModelForQuestionAnswering"},
                                                     {position_ids, no_transform, no_norm, no_projector}),
          }};
}

}  // namespace crossload::models

// DeBERTa-v2 and -v3, as transformers/models/deberta_v2/modeling_deberta_v2.py of Transformers 4.57.6 has it.
//
// Where v4's TensorFlow classes differ from PyTorch's, PyTorch is followed: a masked query attends to all keys equally
// (v4's probabilities are zero there), position embeddings are as wide as the other embeddings, conv_groups, and an
// output projection that is not tied (tie_word_embeddings false). The variables pos_proj and pos_q_proj are v4's names
// of pos_key_proj and pos_query_proj. The newer head for masked words (legacy false), which v4 lacks, is not here.
#include <algorithm>
#include <cmath>

#include "blocks/bert_block.h"
#include "blocks/heads.h"
#include "keras/conv1d.h"

namespace crossload::models {
namespace {

using namespace blocks;  // NOLINT: blocks and layers are this file's vocabulary
using namespace keras;   // NOLINT

BertSizes sizes_of(const Config& config) {
  return bert_sizes(config, {.vocab = 128100,
                             .types = 0,
                             .embedding = config.integer("embedding_size", 0),
                             .hidden = 1536,
                             .layers = 24,
                             .heads = 24,
                             .intermediate = 6144,
                             .eps = 1e-7});
}

bool relative_attention(const Config& config) { return config.flag("relative_attention", false); }
std::int64_t position_buckets(const Config& config) { return config.integer("position_buckets", -1); }

std::int64_t max_relative_positions(const Config& config) {
  const std::int64_t positions = config.integer("max_relative_positions", -1);
  return positions < 1 ? sizes_of(config).positions : positions;
}

/// Half the rows of the table of relative positions.
std::int64_t pos_ebd_size(const Config& config) {
  return position_buckets(config) > 0 ? position_buckets(config) : max_relative_positions(config);
}

/// Whether "p2c|c2p" names the part.
bool names_part(const std::string& parts, const std::string& part) {
  std::string bare = "|";
  for (const char c : parts) {
    if (c != ' ') bare += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return (bare + "|").find("|" + part + "|") != std::string::npos;
}

/// pos_att_type is "p2c|c2p", or ["p2c", "c2p"].
bool attends(const Config& config, const std::string& part) {
  if (!config.has("pos_att_type")) return false;
  const Json types = config.json().at("pos_att_type");
  if (types.is_string()) return names_part(types.as_string(), part);
  const std::vector<Json> elements = types.elements();
  return std::any_of(elements.begin(), elements.end(), [&](const Json& type) { return type.as_string() == part; });
}

class TFDebertaV2Embeddings : public Module<TFDebertaV2Embeddings> {
 public:
  TFDebertaV2Embeddings(const Scope& scope, const Config& config)
      : TFDebertaV2Embeddings(scope, config, sizes_of(config)) {}
  TFDebertaV2Embeddings(const Scope& scope, const Config& config, const BertSizes& sizes)
      : Module(scope),
        word_embeddings(scope / "word_embeddings", sizes.vocab, sizes.embedding, "weight"),
        LayerNorm(scope / "LayerNorm", sizes.hidden, sizes.eps),
        dropout(scope / "dropout", sizes.dropout),
        position_embeddings(maybe<Embedding>(config.flag("position_biased_input", true), scope / "position_embeddings",
                                             sizes.positions, sizes.embedding)),
        token_type_embeddings(
            maybe<Embedding>(sizes.types > 0, scope / "token_type_embeddings", sizes.types, sizes.embedding)),
        embed_proj(maybe<Dense>(sizes.embedding != sizes.hidden, scope / "embed_proj", sizes.embedding, sizes.hidden,
                                /*bias=*/false)) {}

  /// ids [batch, length] -> [batch, length, hidden], zeros where the mask is
  Tensor call(const ModelInputs& inputs, const Call& call) const {
    const Tensor words = embedded_words(inputs, word_embeddings);
    Tensor embeddings = words;
    if (position_embeddings) embeddings = embeddings + (*position_embeddings)(position_ids(inputs, words));
    if (token_type_embeddings) embeddings = embeddings + (*token_type_embeddings)(token_type_ids(inputs, words));
    if (embed_proj) embeddings = (*embed_proj)(embeddings);
    embeddings = LayerNorm(embeddings);
    const MaybeTensor mask = inputs.find("attention_mask");
    if (mask) embeddings = embeddings * tf::expand_dims(tf::cast(padding_mask(*mask), tf::DataType::kFloat), 2);
    return dropout(embeddings, call);
  }

  const Embedding word_embeddings;
  const LayerNormalization LayerNorm;
  const Dropout dropout;
  const std::optional<Embedding> position_embeddings;
  const std::optional<Embedding> token_type_embeddings;
  const std::optional<Dense> embed_proj;
};

/// The distance from key to query, or its bucket, for each pair [queries, keys], and the table of what distances mean.
struct Relative {
  MaybeTensor positions;
  MaybeTensor embeddings;
};

/// Attention by content and, apart from it, by relative position: how much the query's content fits the key's position
/// (c2p), and the key's content the query's position (p2c).
class TFDisentangledSelfAttention : public Module<TFDisentangledSelfAttention> {
 public:
  TFDisentangledSelfAttention(const Scope& scope, const Config& config)
      : Module(scope),
        heads(heads_of(config)),
        query_proj(scope / "query_proj", sizes_of(config).hidden, sizes_of(config).hidden),
        key_proj(scope / "key_proj", sizes_of(config).hidden, sizes_of(config).hidden),
        value_proj(scope / "value_proj", sizes_of(config).hidden, sizes_of(config).hidden),
        pos_dropout(scope / "pos_dropout", sizes_of(config).dropout),
        pos_key_proj(maybe<Dense>(has_own(config, "c2p"), scope.child("pos_key_proj", "pos_proj"), heads.width(),
                                  heads.width())),
        pos_query_proj(maybe<Dense>(has_own(config, "p2c"), scope.child("pos_query_proj", "pos_q_proj"), heads.width(),
                                    heads.width())),
        dropout(scope / "dropout", sizes_of(config).attention_dropout),
        share_att_key_(config.flag("share_att_key", false)),
        c2p_(attends(config, "c2p")),
        p2c_(attends(config, "p2c")),
        pos_ebd_size_(pos_ebd_size(config)) {}

  /// hidden_states [batch, length, hidden], is_masked [batch, 1, queries, keys] -> the context, of the shape of
  /// hidden_states, and the probabilities [batch, heads, queries, keys]
  std::tuple<Tensor, Tensor> call(const Tensor& hidden_states, const MaybeTensor& is_masked, const Relative& relative,
                                  const Call& call) const {
    const Tensor query_layer = split_heads(query_proj(hidden_states), heads);
    const Tensor key_layer = split_heads(key_proj(hidden_states), heads);
    const Tensor value_layer = split_heads(value_proj(hidden_states), heads);
    Tensor scores = attention_scores(query_layer, key_layer / scale());
    if (relative.embeddings) {
      const Tensor embeddings = pos_dropout(*relative.embeddings, call);
      const MaybeTensor bias = disentangled_attention_bias(query_layer, key_layer, *relative.positions, embeddings);
      if (bias) scores = scores + *bias;
    }
    const Tensor attention_probs = dropout(tf::softmax(masked_fill(scores, is_masked)), call);
    return {attend(attention_probs, value_layer), attention_probs};
  }

  const Heads heads;
  const Dense query_proj;
  const Dense key_proj;
  const Dense value_proj;
  const Dropout pos_dropout;
  const std::optional<Dense> pos_key_proj;
  const std::optional<Dense> pos_query_proj;
  const Dropout dropout;

 private:
  static Heads heads_of(const Config& config) {
    const BertSizes sizes = sizes_of(config);
    const Heads heads("hidden_size", sizes.hidden, "num_attention_heads", sizes.heads);
    if (config.integer("attention_head_size", heads.size) == heads.size) return heads;
    throw Error(ErrorKind::kBadInput, "config.json: hidden_size " + std::to_string(sizes.hidden) +
                                          " is not num_attention_heads " + std::to_string(sizes.heads) +
                                          " times attention_head_size");
  }

  /// Whether relative positions have a projection of their own for this part.
  static bool has_own(const Config& config, const std::string& part) {
    return relative_attention(config) && !config.flag("share_att_key", false) && attends(config, part);
  }

  /// Scores are sums of up to three products.
  double scale() const {
    return std::sqrt(static_cast<double>(heads.size) * (1.0 + (c2p_ ? 1.0 : 0.0) + (p2c_ ? 1.0 : 0.0)));
  }

  /// relative_pos [queries, keys], embeddings [2 * pos_ebd_size, hidden] -> [batch, heads, queries, keys]
  MaybeTensor disentangled_attention_bias(const Tensor& query_layer, const Tensor& key_layer,
                                          const Tensor& relative_pos, const Tensor& embeddings) const {
    const Tensor rel_embeddings = tf::expand_dims(embeddings, 0);
    MaybeTensor pos_query_layer;
    MaybeTensor pos_key_layer;
    if (share_att_key_) {
      pos_query_layer = split_heads(query_proj(rel_embeddings), heads);
      pos_key_layer = split_heads(key_proj(rel_embeddings), heads);
    } else {
      if (pos_key_proj) pos_key_layer = split_heads((*pos_key_proj)(rel_embeddings), heads);
      if (pos_query_proj) pos_query_layer = split_heads((*pos_query_proj)(rel_embeddings), heads);
    }
    MaybeTensor score;
    if (c2p_) score = at_positions(query_layer, *pos_key_layer, relative_pos) / scale();
    if (p2c_) {
      const Tensor of_keys = at_positions(key_layer, *pos_query_layer, -relative_pos);  // [batch, heads, keys, queries]
      const Tensor p2c = tf::transpose(of_keys, {0, 1, 3, 2}) / scale();
      score = score ? *score + p2c : p2c;
    }
    return score;
  }

  /// The product of each row [batch, heads, rows, size] with one of the 2 * pos_ebd_size positions [1, heads,
  /// positions, size]: the one that its relative position [rows, columns] names -> [batch, heads, rows, columns]
  Tensor at_positions(const Tensor& layer, const Tensor& pos_layer, const Tensor& relative_pos) const {
    tf::Graph& graph = layer.graph();
    const std::int64_t positions = 2 * pos_ebd_size_;
    const Tensor products = attention_scores(layer, pos_layer);
    const tf::Dims dims = tf::dims_of(products);
    const Tensor position = tf::clip(relative_pos + pos_ebd_size_, 0, positions - 1);
    const Tensor row_begins = tf::expand_dims(tf::range(graph, dims[2]), 1) * positions;
    const Tensor flat = tf::reshape(products, {dims[0], heads.count, -1});
    return tf::gather(flat, row_begins + position, /*axis=*/2);
  }

  const bool share_att_key_;
  const bool c2p_;
  const bool p2c_;
  const std::int64_t pos_ebd_size_;
};

class TFDebertaV2Attention : public Module<TFDebertaV2Attention> {
 public:
  TFDebertaV2Attention(const Scope& scope, const Config& config)
      : Module(scope), self(scope / "self", config), output(scope / "output", sizes_of(config)) {}

  std::tuple<Tensor, Tensor> call(const Tensor& hidden_states, const MaybeTensor& is_masked, const Relative& relative,
                                  const Call& call) const {
    const auto [context, attention_probs] = self(hidden_states, is_masked, relative, call);
    return {output(context, hidden_states, call), attention_probs};
  }

  const TFDisentangledSelfAttention self;
  const TFBertSelfOutput output;
};

class TFDebertaV2Layer : public Module<TFDebertaV2Layer> {
 public:
  TFDebertaV2Layer(const Scope& scope, const Config& config)
      : Module(scope),
        attention(scope / "attention", config),
        intermediate(scope / "intermediate", sizes_of(config)),
        output(scope / "output", sizes_of(config)) {}

  LayerOutput call(const Tensor& hidden_states, const MaybeTensor& is_masked, const Relative& relative,
                   const Call& call) const {
    const auto [attention_output, attention_probs] = attention(hidden_states, is_masked, relative, call);
    return {output(intermediate(attention_output), attention_output, call), attention_probs};
  }

  const TFDebertaV2Attention attention;
  const TFBertIntermediate intermediate;
  const TFBertOutput output;
};

/// Beside the first layer, a convolution over the embeddings.
class TFConvLayer : public Module<TFConvLayer> {
 public:
  TFConvLayer(const Scope& scope, const Config& config)
      : Module(scope),
        conv(scope / "conv", sizes_of(config).hidden, sizes_of(config).hidden, width(config),
             {.padding = (width(config) - 1) / 2, .groups = config.integer("conv_groups", 1)}),
        LayerNorm(scope / "LayerNorm", sizes_of(config).hidden, sizes_of(config).eps),
        dropout(scope / "dropout", sizes_of(config).dropout),
        conv_act_(activation(config.text("conv_act", "tanh"))) {}

  /// All [batch, length, hidden] but the mask [batch, length], where 0 gives zeros.
  Tensor call(const Tensor& hidden_states, const Tensor& residual_states, const MaybeTensor& input_mask,
              const Call& call) const {
    MaybeTensor mask;
    if (input_mask) mask = tf::expand_dims(tf::cast(*input_mask, tf::DataType::kFloat), 2);
    Tensor out = tf::transpose(conv(tf::transpose(hidden_states, {0, 2, 1})), {0, 2, 1});
    if (mask) out = out * *mask;
    out = conv_act_(dropout(out, call));
    const Tensor output = LayerNorm(residual_states + out);
    return mask ? output * *mask : output;
  }

  static std::int64_t width(const Config& config) {
    const std::int64_t width = config.integer("conv_kernel_size", 0);
    if (width > 0 && width % 2 == 0) {
      throw Error(ErrorKind::kBadInput, "config.json: conv_kernel_size " + std::to_string(width) + " is not odd");
    }
    return width;
  }

  const Conv1D conv;
  const LayerNormalization LayerNorm;
  const Dropout dropout;

 private:
  Tensor (*const conv_act_)(const Tensor&);
};

class TFDebertaV2Encoder : public Module<TFDebertaV2Encoder> {
 public:
  TFDebertaV2Encoder(const Scope& scope, const Config& config)
      : Module(scope),
        rel_embeddings_(rel_embeddings(scope, config)),
        layer(layers_of<TFDebertaV2Layer>(scope / "layer", sizes_of(config).layers, config)),
        LayerNorm(maybe<LayerNormalization>(names_part(config.text("norm_rel_ebd", "none"), "layer_norm"),
                                            scope / "LayerNorm", sizes_of(config).hidden, sizes_of(config).eps)),
        conv(maybe<TFConvLayer>(TFConvLayer::width(config) > 0, scope / "conv", config)),
        position_buckets_(position_buckets(config)),
        max_relative_positions_(max_relative_positions(config)) {
    if (rel_embeddings_ && position_buckets_ > 0 &&
        (position_buckets_ < 2 || max_relative_positions_ - 1 <= position_buckets_ / 2)) {
      throw Error(ErrorKind::kBadInput, "config.json: position_buckets " + std::to_string(position_buckets_) +
                                            " and max_relative_positions " + std::to_string(max_relative_positions_) +
                                            " do not fit");
    }
  }

  /// embedding_output [batch, length, hidden], attention_mask [batch, length]
  ModelOutput call(const Tensor& embedding_output, const MaybeTensor& attention_mask, const Call& call) const {
    const MaybeTensor is_masked = attention_mask ? MaybeTensor(masked_pairs(*attention_mask)) : std::nullopt;
    const Relative relative = relative_to(embedding_output);
    return run_layers(layer, embedding_output, call, [&](const TFDebertaV2Layer& layer_module, const Tensor& states) {
      LayerOutput output = layer_module(states, is_masked, relative, call);
      if (conv && &layer_module == &layer.front()) {
        output.hidden_states = (*conv)(embedding_output, output.hidden_states, attention_mask, call);
      }
      return output;
    });
  }

 private:
  static MaybeVariable rel_embeddings(const Scope& scope, const Config& config) {
    if (!relative_attention(config)) return std::nullopt;
    return scope.variable("rel_embeddings.weight", "rel_embeddings.weight",
                          {2 * pos_ebd_size(config), sizes_of(config).hidden});
  }

  /// [batch, length] -> [batch, 1, queries, keys]: true where either is padding
  static Tensor masked_pairs(const Tensor& attention_mask) {
    const Tensor mask = tf::expand_dims(attention_mask, 1);
    const Tensor pairs = tf::expand_dims(mask, 2) * tf::expand_dims(mask, 3);
    return tf::equal(pairs, tf::zeros_like(pairs));
  }

  Relative relative_to(const Tensor& hidden_states) const {
    if (!rel_embeddings_) return {};
    const Tensor table = ModelGraph::of(hidden_states).value(*rel_embeddings_);
    return {relative_positions(hidden_states), LayerNorm ? (*LayerNorm)(table) : table};
  }

  /// int32 [queries, keys]: how far the query is behind the key; with buckets, large distances share numbers by their
  /// logarithm.
  Tensor relative_positions(const Tensor& hidden_states) const {
    tf::Graph& graph = hidden_states.graph();
    const Tensor ids = tf::range(graph, tf::dims_of(hidden_states)[1]);
    const Tensor relative = tf::expand_dims(ids, 1) - tf::expand_dims(ids, 0);
    if (position_buckets_ <= 0) return relative;
    const auto middle = static_cast<std::int32_t>(position_buckets_ / 2);
    const double mid = middle;
    const Tensor distance = tf::abs(relative);
    const Tensor far = tf::cast(tf::maximum(distance, graph.constant(middle)), tf::DataType::kFloat);
    const Tensor log_range =
        tf::log(graph.constant(static_cast<float>(static_cast<double>(max_relative_positions_ - 1) / mid)));
    Tensor fraction = tf::log(far / mid) / log_range;
    // The largest distance is exactly 1, but logarithms of scalars and of vectors may differ in their last bits.
    const Tensor limit = graph.constant(static_cast<std::int32_t>(max_relative_positions_));
    fraction = tf::where(tf::less(distance, limit), tf::minimum(fraction, graph.constant(1.0F)), fraction);
    const Tensor shared = tf::ceil(fraction * (mid - 1.0)) + mid;
    const Tensor bucket = tf::cast(shared, tf::DataType::kInt32);
    const Tensor with_sign = tf::where(tf::less(relative, graph.constant(std::int32_t{0})), -bucket, bucket);
    return tf::where(tf::less_equal(distance, graph.constant(middle)), relative, with_sign);
  }

  const MaybeVariable rel_embeddings_;  // used whole

 public:
  const std::vector<TFDebertaV2Layer> layer;
  const std::optional<LayerNormalization> LayerNorm;  // of the relative positions
  const std::optional<TFConvLayer> conv;

 private:
  const std::int64_t position_buckets_;
  const std::int64_t max_relative_positions_;
};

class TFContextPooler : public Module<TFContextPooler> {
 public:
  TFContextPooler(const Scope& scope, const Config& config)
      : Module(scope),
        dense(scope / "dense", pooler_hidden_size(config), pooler_hidden_size(config)),
        dropout(scope / "dropout", config.number("pooler_dropout", 0.0)),
        pooler_hidden_act_(activation(config.text("pooler_hidden_act", "gelu"))) {}

  /// [batch, length, hidden] -> [batch, hidden], from the first token
  Tensor call(const Tensor& hidden_states, const Call& call) const {
    const Tensor context_token = dropout(tf::select(hidden_states, /*axis=*/1, /*index=*/0), call);
    return pooler_hidden_act_(dense(context_token));
  }

  const Dense dense;
  const Dropout dropout;

 private:
  static std::int64_t pooler_hidden_size(const Config& config) {
    const std::int64_t size = config.integer("pooler_hidden_size", sizes_of(config).hidden);
    if (size != sizes_of(config).hidden) {
      throw Error(ErrorKind::kBadInput, "config.json: pooler_hidden_size " + std::to_string(size) +
                                            " is not hidden_size " + std::to_string(sizes_of(config).hidden));
    }
    return size;
  }

  Tensor (*const pooler_hidden_act_)(const Tensor&);
};

class TFDebertaV2MainLayer : public Module<TFDebertaV2MainLayer> {
 public:
  TFDebertaV2MainLayer(const Scope& scope, const Config& config)
      : Module(scope), embeddings(scope / "embeddings", config), encoder(scope / "encoder", config) {}

  ModelOutput call(const ModelInputs& inputs, const Call& call) const {
    return encoder(embeddings(inputs, call), inputs.find("attention_mask"), call);
  }

  const TFDebertaV2Embeddings embeddings;
  const TFDebertaV2Encoder encoder;
};

class TFDebertaV2PreTrainedModel : public Model {
 public:
  using MainLayer = TFDebertaV2MainLayer;
  static constexpr const char* kMainLayer = "deberta";

  explicit TFDebertaV2PreTrainedModel(const Config& config, std::size_t rank = 2)
      : Model(config, text_interface({.rank = rank, .embeds = sizes_of(config).embedding})) {}

  static HeadSizes head_sizes(const Config& config) { return {sizes_of(config).hidden, sizes_of(config).dropout}; }

 protected:
  static double cls_dropout(const Config& config) { return config.number("cls_dropout", sizes_of(config).dropout); }
};

/// PyTorch's LegacyDebertaV2OnlyMLMHead.
struct WordsHead : TFBertMLMHead {
  static constexpr const char* kScope = "cls";
  static constexpr bool kHoldsEmbeddings = true;
  WordsHead(const Scope& scope, const Config& config, const Embedding& word_embeddings)
      : TFBertMLMHead(scope, sizes_of(config), word_embeddings) {
    if (!config.flag("legacy", true)) {
      throw Error(ErrorKind::kUnsupported, "config.json: legacy false, DeBERTa-v2's newer head, is not supported");
    }
  }
};

class TFDebertaV2ForSequenceClassification : public TFDebertaV2PreTrainedModel {
 public:
  TFDebertaV2ForSequenceClassification(const Scope& scope, const Config& config)
      : TFDebertaV2PreTrainedModel(config),
        deberta(scope / "deberta", config),
        pooler(scope / "pooler", config),
        classifier(scope / "classifier", sizes_of(config).hidden, config.num_labels()),
        dropout(scope.child("dropout", "cls_dropout"), cls_dropout(config)) {
    scope.child("dropout", "cls_dropout").without_variables();
  }

  ModelOutput call(const ModelInputs& inputs, const Call& call) const override {
    const ModelOutput outputs = deberta(inputs, call);
    const Tensor pooled_output = pooler(outputs.at("last_hidden_state"), call);
    return with_logits(classifier(dropout(pooled_output, call)), outputs);
  }

  const TFDebertaV2MainLayer deberta;
  const TFContextPooler pooler;
  const Dense classifier;
  const Dropout dropout;
};

class TFDebertaV2ForMultipleChoice : public TFDebertaV2PreTrainedModel {
 public:
  TFDebertaV2ForMultipleChoice(const Scope& scope, const Config& config)
      : TFDebertaV2PreTrainedModel(config, /*rank=*/3),
        deberta(scope / "deberta", config),
        pooler(scope / "pooler", config),
        classifier(scope / "classifier", sizes_of(config).hidden, 1),
        dropout(scope / "dropout", cls_dropout(config)) {}

  /// Inputs [batch, choices, length] are run as [batch * choices, length] -> logits [batch, choices]
  ModelOutput call(const ModelInputs& inputs, const Call& call) const override {
    const ModelOutput outputs = deberta(fold_choices(inputs), call);
    const Tensor scores = classifier(dropout(pooler(outputs.at("last_hidden_state"), call), call));
    return with_logits(unfold_choices(scores, inputs), outputs);
  }

  const TFDebertaV2MainLayer deberta;
  const TFContextPooler pooler;
  const Dense classifier;
  const Dropout dropout;
};

using Base = TFDebertaV2PreTrainedModel;

}  // namespace

Architecture modeling_tf_deberta_v2() {
  return {
      .model_type = "deberta-v2",
      .base_model_prefix = "deberta",
      .source = "transformers/models/deberta_v2/modeling_deberta_v2.py, 4.57.6",
      .ignores = {{"embeddings.position_ids", "a buffer: 0, 1, 2, ..."},
                  {"embeddings.position_embeddings.weight", "not used when position_biased_input is false"},
                  {"mask_predictions.", "of the pre-training"},
                  {"cls.", "the head of pre-training, which this class lacks"},
                  {"lm_predictions.", "of the pre-training"}},
      .heads = {
          head<BaseModel<Base>>("TFDebertaV2Model", {"TFAutoModel", "TFAutoModelForTextEncoding"}),
          head<MaskedLM<Base, WordsHead>>("TFDebertaV2ForMaskedLM", {"TFAutoModelForMaskedLM"}),
          head<TFDebertaV2ForSequenceClassification>("TFDebertaV2ForSequenceClassification",
                                                     {"TFAutoModelForSequenceClassification"}),
          head<TFDebertaV2ForMultipleChoice>("TFDebertaV2ForMultipleChoice", {"TFAutoModelForMultipleChoice"}),
          head<TokenClassification<Base>>("TFDebertaV2ForTokenClassification", {"TFAutoModelForTokenClassification"}),
          head<QuestionAnswering<Base>>("TFDebertaV2ForQuestionAnswering", {"TFAutoModelForQuestionAnswering"}),
      }};
}

}  // namespace crossload::models

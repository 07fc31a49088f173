// DeBERTa-v2 and -v3, as transformers/models/deberta_v2/modeling_deberta_v2.py of Transformers 4.57.6 has it.
//
// Where v4's TensorFlow classes differ from PyTorch's, PyTorch is followed: a masked query attends to all keys equally
// (v4's probabilities are zero there), position embeddings are as wide as the other embeddings, conv_groups, and an
// output projection that is not tied (tie_word_embeddings false). The variables pos_proj and pos_q_proj are v4's names
// of pos_key_proj and pos_query_proj. The newer head for masked words (legacy false), which v4 lacks, is not here.
#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include "crossload/error.h"
#include "keras/activation.h"
#include "keras/architecture.h"
#include "keras/attention_mask.h"
#include "keras/conv1d.h"
#include "keras/layers.h"

namespace crossload::models {
namespace {

using namespace keras;  // NOLINT: the layers are this file's vocabulary
using tf::Tensor;
using MaybeTensor = std::optional<Tensor>;

std::int64_t vocab_size(const Config& config) { return config.integer("vocab_size", 128100); }
std::int64_t hidden_size(const Config& config) { return config.integer("hidden_size", 1536); }
std::int64_t embedding_size(const Config& config) { return config.integer("embedding_size", hidden_size(config)); }
std::int64_t intermediate_size(const Config& config) { return config.integer("intermediate_size", 6144); }
std::int64_t max_position_embeddings(const Config& config) { return config.integer("max_position_embeddings", 512); }
double layer_norm_eps(const Config& config) { return config.number("layer_norm_eps", 1e-7); }
double hidden_dropout_prob(const Config& config) { return config.number("hidden_dropout_prob", 0.1); }
double cls_dropout(const Config& config) { return config.number("cls_dropout", hidden_dropout_prob(config)); }
std::string hidden_act(const Config& config) { return config.text("hidden_act", "gelu"); }
bool relative_attention(const Config& config) { return config.flag("relative_attention", false); }
std::int64_t position_buckets(const Config& config) { return config.integer("position_buckets", -1); }

std::int64_t max_relative_positions(const Config& config) {
  const std::int64_t positions = config.integer("max_relative_positions", -1);
  return positions < 1 ? max_position_embeddings(config) : positions;
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
      : Module(scope),
        word_embeddings(scope / "word_embeddings", vocab_size(config), embedding_size(config), "weight"),
        LayerNorm(scope / "LayerNorm", hidden_size(config), layer_norm_eps(config)),
        dropout(scope / "dropout", hidden_dropout_prob(config)) {
    if (config.flag("position_biased_input", true)) {
      position_embeddings.emplace(scope / "position_embeddings", max_position_embeddings(config),
                                  embedding_size(config));
    }
    const std::int64_t types = config.integer("type_vocab_size", 0);
    if (types > 0) token_type_embeddings.emplace(scope / "token_type_embeddings", types, embedding_size(config));
    if (embedding_size(config) != hidden_size(config)) {
      embed_proj.emplace(scope / "embed_proj", embedding_size(config), hidden_size(config), /*bias=*/false);
    }
  }

  /// ids [batch, length] -> [batch, length, hidden], zeros where the mask is
  Tensor call(const ModelInputs& inputs, bool training) const {
    const MaybeTensor inputs_embeds = inputs.find("inputs_embeds");
    Tensor embeddings = inputs_embeds ? *inputs_embeds : word_embeddings(inputs.at("input_ids"));
    tf::Graph& graph = embeddings.graph();
    const tf::Dims dims = tf::dims_of(embeddings);  // [batch, length, embedding]
    if (position_embeddings) {
      const MaybeTensor position_ids = inputs.find("position_ids");
      embeddings = embeddings +
                   (*position_embeddings)(position_ids ? *position_ids : tf::expand_dims(tf::range(graph, dims[1]), 0));
    }
    if (token_type_embeddings) {
      const MaybeTensor ids = inputs.find("token_type_ids");
      const Tensor zero = graph.constant(std::int32_t{0});
      embeddings = embeddings + (*token_type_embeddings)(ids ? *ids : tf::fill(graph, {dims[0], dims[1]}, zero));
    }
    if (embed_proj) embeddings = (*embed_proj)(embeddings);
    embeddings = LayerNorm(embeddings);
    const MaybeTensor mask = inputs.find("attention_mask");
    if (mask) embeddings = embeddings * tf::expand_dims(tf::cast(padding_mask(*mask), tf::DataType::kFloat), 2);
    return dropout(embeddings, training);
  }

  const Embedding word_embeddings;
  std::optional<Embedding> position_embeddings;
  std::optional<Embedding> token_type_embeddings;
  std::optional<Dense> embed_proj;
  const LayerNormalization LayerNorm;
  const Dropout dropout;
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
        num_attention_heads_(config.integer("num_attention_heads", 24)),
        attention_head_size_(head_size(config, num_attention_heads_)),
        query_proj(scope / "query_proj", hidden_size(config), hidden_size(config)),
        key_proj(scope / "key_proj", hidden_size(config), hidden_size(config)),
        value_proj(scope / "value_proj", hidden_size(config), hidden_size(config)),
        pos_dropout(scope / "pos_dropout", hidden_dropout_prob(config)),
        dropout(scope / "dropout", config.number("attention_probs_dropout_prob", 0.1)),
        share_att_key_(config.flag("share_att_key", false)),
        c2p_(attends(config, "c2p")),
        p2c_(attends(config, "p2c")),
        pos_ebd_size_(pos_ebd_size(config)) {
    if (!relative_attention(config) || share_att_key_) return;
    const std::int64_t hidden = hidden_size(config);
    if (c2p_) pos_key_proj.emplace(scope.child("pos_key_proj", "pos_proj"), hidden, hidden);
    if (p2c_) pos_query_proj.emplace(scope.child("pos_query_proj", "pos_q_proj"), hidden, hidden);
  }

  /// hidden_states [batch, length, hidden], is_masked [batch, 1, queries, keys] -> the context, of the shape of
  /// hidden_states, and the probabilities [batch, heads, queries, keys]
  std::tuple<Tensor, Tensor> call(const Tensor& hidden_states, const MaybeTensor& is_masked, const Relative& relative,
                                  bool training) const {
    const Tensor query_layer = by_head(query_proj(hidden_states));
    const Tensor key_layer = by_head(key_proj(hidden_states));
    const Tensor value_layer = by_head(value_proj(hidden_states));
    Tensor scores = tf::matmul(query_layer, key_layer / scale(), /*transpose_a=*/false, /*transpose_b=*/true);
    if (relative.embeddings) {
      const Tensor embeddings = pos_dropout(*relative.embeddings, training);
      const MaybeTensor bias = disentangled_attention_bias(query_layer, key_layer, *relative.positions, embeddings);
      if (bias) scores = scores + *bias;
    }
    if (is_masked) {
      scores = tf::where(*is_masked, scores.graph().constant(std::numeric_limits<float>::lowest()), scores);
    }
    const Tensor attention_probs = dropout(tf::softmax(scores), training);
    const Tensor context = tf::transpose(tf::matmul(attention_probs, value_layer), {0, 2, 1, 3});
    return {tf::reshape(context, tf::dims_of(hidden_states)), attention_probs};
  }

 private:
  const std::int64_t num_attention_heads_;
  const std::int64_t attention_head_size_;

 public:
  const Dense query_proj;
  const Dense key_proj;
  const Dense value_proj;
  const Dropout pos_dropout;
  std::optional<Dense> pos_key_proj;
  std::optional<Dense> pos_query_proj;
  const Dropout dropout;

 private:
  static std::int64_t head_size(const Config& config, std::int64_t heads) {
    const std::int64_t hidden = hidden_size(config);
    if (heads <= 0 || hidden % heads != 0 || config.integer("attention_head_size", hidden / heads) != hidden / heads) {
      throw Error(ErrorKind::kBadInput, "config.json: hidden_size " + std::to_string(hidden) +
                                            " is not num_attention_heads " + std::to_string(heads) +
                                            " times the size of a head");
    }
    return hidden / heads;
  }

  /// [batch, length, hidden] -> [batch, heads, length, head size]
  Tensor by_head(const Tensor& x) const {
    const tf::Dims dims = tf::dims_of(x);
    return tf::transpose(tf::reshape(x, {dims[0], dims[1], num_attention_heads_, attention_head_size_}), {0, 2, 1, 3});
  }

  /// Scores are sums of up to three products.
  double scale() const {
    return std::sqrt(static_cast<double>(attention_head_size_) * (1.0 + (c2p_ ? 1.0 : 0.0) + (p2c_ ? 1.0 : 0.0)));
  }

  /// relative_pos [queries, keys], embeddings [2 * pos_ebd_size, hidden] -> [batch, heads, queries, keys]
  MaybeTensor disentangled_attention_bias(const Tensor& query_layer, const Tensor& key_layer,
                                          const Tensor& relative_pos, const Tensor& embeddings) const {
    const Tensor rel_embeddings = tf::expand_dims(embeddings, 0);
    MaybeTensor pos_query_layer;
    MaybeTensor pos_key_layer;
    if (share_att_key_) {
      pos_query_layer = by_head(query_proj(rel_embeddings));
      pos_key_layer = by_head(key_proj(rel_embeddings));
    } else {
      if (pos_key_proj) pos_key_layer = by_head((*pos_key_proj)(rel_embeddings));
      if (pos_query_proj) pos_query_layer = by_head((*pos_query_proj)(rel_embeddings));
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
    const Tensor products = tf::matmul(layer, pos_layer, /*transpose_a=*/false, /*transpose_b=*/true);
    const tf::Dims dims = tf::dims_of(products);
    const Tensor position =
        tf::clip(relative_pos + static_cast<double>(pos_ebd_size_), 0.0, static_cast<double>(positions - 1));
    const Tensor row_begins = tf::expand_dims(tf::range(graph, dims[2]), 1) * static_cast<double>(positions);
    const Tensor flat = tf::reshape(products, {dims[0], num_attention_heads_, -1});
    return tf::gather(flat, row_begins + position, /*axis=*/2);
  }

  const bool share_att_key_;
  const bool c2p_;
  const bool p2c_;
  const std::int64_t pos_ebd_size_;
};

// Copied from bert.TFBertSelfOutput with Bert->DebertaV2
class TFDebertaV2SelfOutput : public Module<TFDebertaV2SelfOutput> {
 public:
  TFDebertaV2SelfOutput(const Scope& scope, const Config& config)
      : Module(scope),
        dense(scope / "dense", hidden_size(config), hidden_size(config)),
        LayerNorm(scope / "LayerNorm", hidden_size(config), layer_norm_eps(config)),
        dropout(scope / "dropout", hidden_dropout_prob(config)) {}

  Tensor call(const Tensor& hidden_states, const Tensor& input_tensor, bool training) const {
    return LayerNorm(dropout(dense(hidden_states), training) + input_tensor);
  }

  const Dense dense;
  const LayerNormalization LayerNorm;
  const Dropout dropout;
};

class TFDebertaV2Attention : public Module<TFDebertaV2Attention> {
 public:
  TFDebertaV2Attention(const Scope& scope, const Config& config)
      : Module(scope), self(scope / "self", config), output(scope / "output", config) {}

  std::tuple<Tensor, Tensor> call(const Tensor& hidden_states, const MaybeTensor& is_masked, const Relative& relative,
                                  bool training) const {
    const auto [context, attention_probs] = self(hidden_states, is_masked, relative, training);
    return {output(context, hidden_states, training), attention_probs};
  }

  const TFDisentangledSelfAttention self;
  const TFDebertaV2SelfOutput output;
};

// Copied from bert.TFBertIntermediate with Bert->DebertaV2
class TFDebertaV2Intermediate : public Module<TFDebertaV2Intermediate> {
 public:
  TFDebertaV2Intermediate(const Scope& scope, const Config& config)
      : Module(scope),
        dense(scope / "dense", hidden_size(config), intermediate_size(config)),
        intermediate_act_fn(scope / "intermediate_act_fn", hidden_act(config)) {}

  Tensor call(const Tensor& hidden_states) const { return intermediate_act_fn(dense(hidden_states)); }

  const Dense dense;
  const Activation intermediate_act_fn;
};

// Copied from bert.TFBertOutput with Bert->DebertaV2
class TFDebertaV2Output : public Module<TFDebertaV2Output> {
 public:
  TFDebertaV2Output(const Scope& scope, const Config& config)
      : Module(scope),
        dense(scope / "dense", intermediate_size(config), hidden_size(config)),
        LayerNorm(scope / "LayerNorm", hidden_size(config), layer_norm_eps(config)),
        dropout(scope / "dropout", hidden_dropout_prob(config)) {}

  Tensor call(const Tensor& hidden_states, const Tensor& input_tensor, bool training) const {
    return LayerNorm(dropout(dense(hidden_states), training) + input_tensor);
  }

  const Dense dense;
  const LayerNormalization LayerNorm;
  const Dropout dropout;
};

class TFDebertaV2Layer : public Module<TFDebertaV2Layer> {
 public:
  TFDebertaV2Layer(const Scope& scope, const Config& config)
      : Module(scope),
        attention(scope / "attention", config),
        intermediate(scope / "intermediate", config),
        output(scope / "output", config) {}

  std::tuple<Tensor, Tensor> call(const Tensor& hidden_states, const MaybeTensor& is_masked, const Relative& relative,
                                  bool training) const {
    const auto [attention_output, attention_probs] = attention(hidden_states, is_masked, relative, training);
    return {output(intermediate(attention_output), attention_output, training), attention_probs};
  }

  const TFDebertaV2Attention attention;
  const TFDebertaV2Intermediate intermediate;
  const TFDebertaV2Output output;
};

/// Beside the first layer, a convolution over the embeddings.
class TFConvLayer : public Module<TFConvLayer> {
 public:
  TFConvLayer(const Scope& scope, const Config& config)
      : Module(scope),
        conv(scope / "conv", hidden_size(config), hidden_size(config), width(config),
             {.padding = (width(config) - 1) / 2, .groups = config.integer("conv_groups", 1)}),
        LayerNorm(scope / "LayerNorm", hidden_size(config), layer_norm_eps(config)),
        dropout(scope / "dropout", hidden_dropout_prob(config)),
        conv_act_(scope / "conv_act", config.text("conv_act", "tanh")) {}

  /// All [batch, length, hidden] but the mask [batch, length], where 0 gives zeros.
  Tensor call(const Tensor& hidden_states, const Tensor& residual_states, const MaybeTensor& input_mask,
              bool training) const {
    MaybeTensor mask;
    if (input_mask) mask = tf::expand_dims(tf::cast(*input_mask, tf::DataType::kFloat), 2);
    Tensor out = tf::transpose(conv(tf::transpose(hidden_states, {0, 2, 1})), {0, 2, 1});
    if (mask) out = out * *mask;
    out = conv_act_.call(dropout(out, training));
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
  const Activation conv_act_;  // no module in PyTorch
};

class TFDebertaV2Encoder : public Module<TFDebertaV2Encoder> {
 public:
  TFDebertaV2Encoder(const Scope& scope, const Config& config)
      : Module(scope),
        rel_embeddings_(relative_attention(config) ? &scope.variable("rel_embeddings.weight", "rel_embeddings.weight",
                                                                     {2 * pos_ebd_size(config), hidden_size(config)})
                                                   : nullptr),
        position_buckets_(position_buckets(config)),
        max_relative_positions_(max_relative_positions(config)) {
    if (rel_embeddings_ != nullptr && position_buckets_ > 0 &&
        (position_buckets_ < 2 || max_relative_positions_ - 1 <= position_buckets_ / 2)) {
      throw Error(ErrorKind::kBadInput, "config.json: position_buckets " + std::to_string(position_buckets_) +
                                            " and max_relative_positions " + std::to_string(max_relative_positions_) +
                                            " do not fit");
    }
    for (std::int64_t i = 0; i < config.integer("num_hidden_layers", 24); ++i) {
      layer.emplace_back(scope / "layer" / i, config);
    }
    if (names_part(config.text("norm_rel_ebd", "none"), "layer_norm")) {
      LayerNorm.emplace(scope / "LayerNorm", hidden_size(config), layer_norm_eps(config));
    }
    if (TFConvLayer::width(config) > 0) conv.emplace(scope / "conv", config);
  }

  /// hidden_states [batch, length, hidden], attention_mask [batch, length]
  ModelOutput call(Tensor hidden_states, const MaybeTensor& attention_mask, const ModelInputs& options,
                   bool training) const {
    const Tensor embedding_output = hidden_states;
    const MaybeTensor is_masked = attention_mask ? MaybeTensor(masked_pairs(*attention_mask)) : std::nullopt;
    const Relative relative = relative_to(hidden_states);
    std::vector<Tensor> all_hidden_states;
    std::vector<Tensor> all_attentions;
    if (options.output_hidden_states) all_hidden_states.push_back(hidden_states);
    for (const TFDebertaV2Layer& layer_module : layer) {
      const auto [layer_output, attention_probs] = layer_module(hidden_states, is_masked, relative, training);
      const bool with_conv = conv && &layer_module == &layer.front();
      hidden_states = with_conv ? (*conv)(embedding_output, layer_output, attention_mask, training) : layer_output;
      if (options.output_hidden_states) all_hidden_states.push_back(hidden_states);
      if (options.output_attentions) all_attentions.push_back(attention_probs);
    }
    ModelOutput outputs;
    outputs.add("last_hidden_state", hidden_states).add("hidden_states", all_hidden_states);
    return outputs.add("attentions", all_attentions);
  }

  std::vector<TFDebertaV2Layer> layer;
  std::optional<LayerNormalization> LayerNorm;  // of the relative positions
  std::optional<TFConvLayer> conv;

 private:
  /// [batch, length] -> [batch, 1, queries, keys]: true where either is padding
  static Tensor masked_pairs(const Tensor& attention_mask) {
    const Tensor mask = tf::expand_dims(attention_mask, 1);
    const Tensor pairs = tf::expand_dims(mask, 2) * tf::expand_dims(mask, 3);
    return tf::equal(pairs, tf::zeros_like(pairs));
  }

  Relative relative_to(const Tensor& hidden_states) const {
    if (rel_embeddings_ == nullptr) return {};
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

  const Variable* rel_embeddings_;  // used whole
  const std::int64_t position_buckets_;
  const std::int64_t max_relative_positions_;
};

class TFDebertaV2PredictionHeadTransform : public Module<TFDebertaV2PredictionHeadTransform> {
 public:
  TFDebertaV2PredictionHeadTransform(const Scope& scope, const Config& config)
      : Module(scope),
        dense(scope / "dense", hidden_size(config), embedding_size(config)),
        transform_act_fn(scope / "transform_act_fn", hidden_act(config)),
        LayerNorm(scope / "LayerNorm", embedding_size(config), layer_norm_eps(config)) {}

  Tensor call(const Tensor& hidden_states) const { return LayerNorm(transform_act_fn(dense(hidden_states))); }

  const Dense dense;
  const Activation transform_act_fn;
  const LayerNormalization LayerNorm;
};

/// PyTorch's LegacyDebertaV2LMPredictionHead.
class TFDebertaV2LMPredictionHead : public Module<TFDebertaV2LMPredictionHead> {
 public:
  TFDebertaV2LMPredictionHead(const Scope& scope, const Config& config, const Embedding& word_embeddings)
      : Module(scope),
        bias_(scope.variable("bias", head_bias_keys(config.flag("tie_word_embeddings", true)), {vocab_size(config)})),
        transform(scope / "transform", config),
        decoder(scope / "decoder", word_embeddings, bias_, config.flag("tie_word_embeddings", true)) {}

  Tensor call(const Tensor& hidden_states) const { return decoder(transform(hidden_states)); }

 private:
  const Variable& bias_;

 public:
  const TFDebertaV2PredictionHeadTransform transform;
  const LanguageModelDecoder decoder;
};

// Copied from bert.TFBertMLMHead with Bert->DebertaV2
class TFDebertaV2MLMHead : public Module<TFDebertaV2MLMHead> {
 public:
  TFDebertaV2MLMHead(const Scope& scope, const Config& config, const Embedding& word_embeddings)
      : Module(scope), predictions(scope / "predictions", config, word_embeddings) {}

  Tensor call(const Tensor& sequence_output) const { return predictions(sequence_output); }

  const TFDebertaV2LMPredictionHead predictions;
};

class TFContextPooler : public Module<TFContextPooler> {
 public:
  TFContextPooler(const Scope& scope, const Config& config)
      : Module(scope),
        dense(scope / "dense", pooler_hidden_size(config), pooler_hidden_size(config)),
        dropout(scope / "dropout", config.number("pooler_dropout", 0.0)),
        pooler_hidden_act_(scope / "pooler_hidden_act", config.text("pooler_hidden_act", "gelu")) {}

  /// [batch, length, hidden] -> [batch, hidden], from the first token
  Tensor call(const Tensor& hidden_states, bool training) const {
    const Tensor context_token = dropout(tf::select(hidden_states, /*axis=*/1, /*index=*/0), training);
    return pooler_hidden_act_.call(dense(context_token));
  }

  const Dense dense;
  const Dropout dropout;

 private:
  static std::int64_t pooler_hidden_size(const Config& config) {
    const std::int64_t size = config.integer("pooler_hidden_size", hidden_size(config));
    if (size != hidden_size(config)) {
      throw Error(ErrorKind::kBadInput, "config.json: pooler_hidden_size " + std::to_string(size) +
                                            " is not hidden_size " + std::to_string(hidden_size(config)));
    }
    return size;
  }

  const Activation pooler_hidden_act_;  // no module in PyTorch
};

class TFDebertaV2MainLayer : public Module<TFDebertaV2MainLayer> {
 public:
  TFDebertaV2MainLayer(const Scope& scope, const Config& config)
      : Module(scope), scope_(scope), embeddings(scope / "embeddings", config), encoder(scope / "encoder", config) {}

  ModelOutput call(const ModelInputs& inputs, bool training) const {
    const Tensor embedding_output = embeddings(inputs, training);
    return encoder(embedding_output, inputs.find("attention_mask"), inputs, training);
  }

  /// Keras' weights file repeats the embeddings below a layer that holds them.
  void embeddings_held_by(const Scope& layer) const { layer.holds(scope_ / "embeddings"); }

 private:
  const Scope scope_;

 public:
  const TFDebertaV2Embeddings embeddings;
  const TFDebertaV2Encoder encoder;
};

// Copied from albert.TFAlbertPreTrainedModel with Albert->DebertaV2
class TFDebertaV2PreTrainedModel : public TFPreTrainedModel {
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

class TFDebertaV2Model : public TFDebertaV2PreTrainedModel {
 public:
  TFDebertaV2Model(const Scope& scope, const Config& config)
      : TFDebertaV2PreTrainedModel(config), deberta(scope.in_tensorflow("deberta"), config) {}

  ModelOutput call(const ModelInputs& inputs, bool training) const override { return deberta(inputs, training); }

  const TFDebertaV2MainLayer deberta;
};

class TFDebertaV2ForMaskedLM : public TFDebertaV2PreTrainedModel {
 public:
  TFDebertaV2ForMaskedLM(const Scope& scope, const Config& config)
      : TFDebertaV2PreTrainedModel(config),
        deberta(scope / "deberta", config),
        cls(scope / "cls", config, deberta.embeddings.word_embeddings) {
    if (!config.flag("legacy", true)) {
      throw Error(ErrorKind::kUnsupported, "config.json: legacy false, DeBERTa-v2's newer head, is not supported");
    }
    deberta.embeddings_held_by(scope / "cls");
  }

  ModelOutput call(const ModelInputs& inputs, bool training) const override {
    const ModelOutput outputs = deberta(inputs, training);
    ModelOutput result;
    result.add("logits", cls(outputs.at("last_hidden_state")));
    return result.add_from(outputs, {"hidden_states", "attentions"});
  }

  const TFDebertaV2MainLayer deberta;
  const TFDebertaV2MLMHead cls;
};

class TFDebertaV2ForSequenceClassification : public TFDebertaV2PreTrainedModel {
 public:
  TFDebertaV2ForSequenceClassification(const Scope& scope, const Config& config)
      : TFDebertaV2PreTrainedModel(config),
        deberta(scope / "deberta", config),
        pooler(scope / "pooler", config),
        classifier(scope / "classifier", hidden_size(config), config.num_labels()),
        dropout(scope.child("dropout", "cls_dropout"), cls_dropout(config)) {
    scope.child("dropout", "cls_dropout").without_variables();
  }

  ModelOutput call(const ModelInputs& inputs, bool training) const override {
    const ModelOutput outputs = deberta(inputs, training);
    const Tensor pooled_output = pooler(outputs.at("last_hidden_state"), training);
    ModelOutput result;
    result.add("logits", classifier(dropout(pooled_output, training)));
    return result.add_from(outputs, {"hidden_states", "attentions"});
  }

  const TFDebertaV2MainLayer deberta;
  const TFContextPooler pooler;
  const Dense classifier;
  const Dropout dropout;
};

class TFDebertaV2ForTokenClassification : public TFDebertaV2PreTrainedModel {
 public:
  TFDebertaV2ForTokenClassification(const Scope& scope, const Config& config)
      : TFDebertaV2PreTrainedModel(config),
        deberta(scope / "deberta", config),
        dropout(scope / "dropout", hidden_dropout_prob(config)),
        classifier(scope / "classifier", hidden_size(config), config.num_labels()) {}

  ModelOutput call(const ModelInputs& inputs, bool training) const override {
    const ModelOutput outputs = deberta(inputs, training);
    ModelOutput result;
    result.add("logits", classifier(dropout(outputs.at("last_hidden_state"), training)));
    return result.add_from(outputs, {"hidden_states", "attentions"});
  }

  const TFDebertaV2MainLayer deberta;
  const Dropout dropout;
  const Dense classifier;
};

class TFDebertaV2ForQuestionAnswering : public TFDebertaV2PreTrainedModel {
 public:
  TFDebertaV2ForQuestionAnswering(const Scope& scope, const Config& config)
      : TFDebertaV2PreTrainedModel(config),
        deberta(scope / "deberta", config),
        qa_outputs(scope / "qa_outputs", hidden_size(config), config.num_labels()) {
    if (config.num_labels() != 2) {
      throw Error(ErrorKind::kBadInput, "config.json: question answering needs 2 labels (start, end), not " +
                                            std::to_string(config.num_labels()));
    }
  }

  ModelOutput call(const ModelInputs& inputs, bool training) const override {
    const ModelOutput outputs = deberta(inputs, training);
    const Tensor logits = qa_outputs(outputs.at("last_hidden_state"));  // [batch, length, 2]
    ModelOutput result;
    result.add("start_logits", tf::select(logits, /*axis=*/2, /*index=*/0));
    result.add("end_logits", tf::select(logits, /*axis=*/2, /*index=*/1));
    return result.add_from(outputs, {"hidden_states", "attentions"});
  }

  const TFDebertaV2MainLayer deberta;
  const Dense qa_outputs;
};

class TFDebertaV2ForMultipleChoice : public TFDebertaV2PreTrainedModel {
 public:
  TFDebertaV2ForMultipleChoice(const Scope& scope, const Config& config)
      : TFDebertaV2PreTrainedModel(config),
        deberta(scope / "deberta", config),
        pooler(scope / "pooler", config),
        classifier(scope / "classifier", hidden_size(config), 1),
        dropout(scope / "dropout", cls_dropout(config)) {}

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
    const ModelOutput outputs = deberta(flat, training);
    const Tensor pooled_output = pooler(outputs.at("last_hidden_state"), training);
    const Tensor logits = classifier(dropout(pooled_output, training));
    ModelOutput result;
    result.add("logits", tf::reshape(logits, {-1, num_choices}));
    return result.add_from(outputs, {"hidden_states", "attentions"});
  }

  const TFDebertaV2MainLayer deberta;
  const TFContextPooler pooler;
  const Dense classifier;
  const Dropout dropout;
};

}  // namespace

Architecture modeling_tf_deberta_v2() {
  const std::pair<std::string, std::string> position_ids = {"embeddings.position_ids", "a buffer: 0, 1, 2, ..."};
  const std::pair<std::string, std::string> positions = {"embeddings.position_embeddings.weight",
                                                         "not used when position_biased_input is false"};
  const std::pair<std::string, std::string> mask_predictions = {"mask_predictions.", "of the pre-training"};
  const std::pair<std::string, std::string> no_cls = {"cls.", "the head of pre-training, which this class lacks"};
  const std::pair<std::string, std::string> no_lm = {"lm_predictions.", "of the pre-training"};
  return {
      "deberta-v2",
      "deberta",
      "transformers/models/deberta_v2/modeling_deberta_v2.py, 4.57.6",
      {
          head<TFDebertaV2Model>("TFDebertaV2Model", {"TFAutoModel", "TFAutoModelForTextEncoding"},
                                 {position_ids,
                                  positions,
                                  mask_predictions,
                                  no_cls,
                                  no_lm,
                                  {"pooler.", "a head's, which this class lacks"},
                                  {"classifier.", "a head's, which this class lacks"},
                                  {"qa_outputs.", "a head's, which this class lacks"}}),
          head<TFDebertaV2ForMaskedLM>("TFDebertaV2ForMaskedLM", {"TFAutoModelForMaskedLM"},
                                       {position_ids, positions, mask_predictions, no_cls, no_lm}),
          head<TFDebertaV2ForSequenceClassification>("TFDebertaV2ForSequenceClassification",
                                                     {"TFAutoModelForSequenceClassification"},
                                                     {position_ids, positions, mask_predictions, no_cls, no_lm}),
          head<TFDebertaV2ForMultipleChoice>("TFDebertaV2ForMultipleChoice", {"TFAutoModelForMultipleChoice"},
                                             {position_ids, positions, mask_predictions, no_cls, no_lm}),
          head<TFDebertaV2ForTokenClassification>("TFDebertaV2ForTokenClassification",
                                                  {"TFAutoModelForTokenClassification"},
                                                  {position_ids, positions, mask_predictions, no_cls, no_lm}),
          head<TFDebertaV2ForQuestionAnswering>("TFDebertaV2ForQuestionAnswering", {"TFAutoModelForQuestionAnswering"},
                                                {position_ids, positions, mask_predictions, no_cls, no_lm}),
      }};
}

}  // namespace crossload::models

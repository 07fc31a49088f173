#include "keras/layers.h"

#include "keras/normalized.h"
#include "keras/rows.h"

namespace crossload::keras {

Dense::Dense(const Scope& scope, std::int64_t in_features, std::int64_t out_features, bool bias)
    : Module(scope),
      kernel_(scope.variable("kernel", "weight", {out_features, in_features}, {.layout = Layout::kTranspose})),
      bias_(bias ? &scope.variable("bias", "bias", {out_features}) : nullptr) {}

tf::Tensor Dense::call(const tf::Tensor& x) const {
  ModelGraph& graph = ModelGraph::of(x);
  return over_rows(x, [&](const tf::Tensor& rows) {
    const tf::Tensor y = tf::matmul(rows, graph.value(kernel_));
    return bias_ == nullptr ? y : tf::bias_add(y, graph.value(*bias_));
  });
}

Embedding::Embedding(const Scope& scope, std::int64_t rows, std::int64_t features, const std::string& leaf)
    : Module(scope), table_(scope.variable(leaf, "weight", {rows, features})) {}

tf::Tensor Embedding::call(const tf::Tensor& ids) const { return tf::gather(ModelGraph::of(ids).value(table_), ids); }

LanguageModelDecoder::LanguageModelDecoder(const Scope& scope, const Embedding& word_embeddings, const Variable& bias,
                                           bool tied)
    : LanguageModelDecoder(scope, word_embeddings, tied) {
  bias_ = &bias;
}

LanguageModelDecoder::LanguageModelDecoder(const Scope& scope, const Embedding& word_embeddings, bool tied)
    : Module(scope),
      table_(tied ? word_embeddings.table() : scope.variable("weight", "weight", word_embeddings.table().shape)),
      bias_(nullptr) {
  if (tied) scope.tie("weight", table_);
}

tf::Tensor LanguageModelDecoder::call(const tf::Tensor& x) const {
  ModelGraph& graph = ModelGraph::of(x);
  return over_rows(x, [&](const tf::Tensor& rows) {
    const tf::Tensor scores = tf::matmul(rows, graph.value(table_), /*transpose_a=*/false, /*transpose_b=*/true);
    return bias_ == nullptr ? scores : tf::bias_add(scores, graph.value(*bias_));
  });
}

std::vector<std::string> head_bias_keys(bool tied) {
  return tied ? std::vector<std::string>{"bias", "decoder.bias"} : std::vector<std::string>{"decoder.bias", "bias"};
}

LayerNormalization::LayerNormalization(const Scope& scope, std::int64_t features, double epsilon)
    : Module(scope),
      epsilon_(epsilon),
      gamma_(scope.variable("gamma", "weight", {features})),
      beta_(scope.variable("beta", "bias", {features})) {}

tf::Tensor LayerNormalization::call(const tf::Tensor& x) const {
  ModelGraph& graph = ModelGraph::of(x);
  return row_wise(x, [&](const tf::Tensor& rows) {
    return normalized(rows, {-1}, epsilon_) * graph.value(gamma_) + graph.value(beta_);
  });
}

tf::Tensor dropout(const tf::Tensor& x, double rate, const Call& call) {
  if (!call.training || rate == 0.0) return x;
  const tf::Tensor keep =
      tf::greater_equal(tf::random_uniform(x.graph(), tf::shape(x)), x.graph().constant(static_cast<float>(rate)));
  return tf::where(keep, x * (1.0 / (1.0 - rate)), tf::zeros_like(x));
}

}  // namespace crossload::keras

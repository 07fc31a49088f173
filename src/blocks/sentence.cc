#include "blocks/sentence.h"

#include <algorithm>
#include <limits>

namespace crossload::blocks {
namespace {

constexpr double kTiny = 1e-9;  // of a sum of weights, so that nothing is divided by 0

Interface with_embedding(const Model& transformer) {
  Interface interface = transformer.interface();
  interface.own_signatures.emplace_back(SentenceTransformer::kOutput);
  return interface;
}

/// The embedding at one place of each row: places int32 [batch] -> [batch, features]
Tensor at(const Tensor& token_embeddings, const Tensor& places) {
  return tf::gather(token_embeddings, places, /*axis=*/1, /*batch_dims=*/1);
}

/// The tokens [batch, length, features] weighted by [batch, length, 1], and the sum of the weights [batch, 1].
struct Sums {
  Tensor tokens;
  Tensor weights;
};

Sums weighted(const Tensor& token_embeddings, const Tensor& weights) {
  return {tf::reduce_sum(token_embeddings * weights, {1}, /*keep_dims=*/false),
          tf::maximum(tf::reduce_sum(weights, {1}, /*keep_dims=*/false), kTiny)};
}

Tensor pooled(const std::string& mode, const Tensor& token_embeddings, const Tensor& attention_mask) {
  const Tensor mask = tf::expand_dims(tf::cast(attention_mask, token_embeddings.dtype()), -1);  // [batch, length, 1]
  if (mode == "cls") return at(token_embeddings, tf::argmax(attention_mask, 1));  // the first that is kept
  if (mode == "max") {
    const Tensor kept = tf::where(tf::broadcast_to(tf::equal(mask, 0), tf::dims_of(token_embeddings)),
                                  -std::numeric_limits<double>::infinity(), token_embeddings);
    return tf::reduce_max(kept, {1}, /*keep_dims=*/false);
  }
  if (mode == "weightedmean") {  // the later the heavier: 1, 2, 3, ...
    const Tensor numbers = tf::range(mask.graph(), 1, tf::dims_of(mask)[1] + 1);
    const Sums sums = weighted(token_embeddings, mask * tf::expand_dims(tf::cast(numbers, mask.dtype()), -1));
    return sums.tokens / sums.weights;
  }
  if (mode == "lasttoken") {  // the last that is kept; where none is, zeros
    const Tensor from_end = tf::argmax(tf::reverse(attention_mask, {1}), 1);
    return at(token_embeddings * mask, tf::like(from_end, tf::dims_of(attention_mask)[1] - 1) - from_end);
  }
  const Sums sums = weighted(token_embeddings, mask);
  return sums.tokens / (mode == "mean" ? sums.weights : tf::sqrt(sums.weights));
}

}  // namespace

SentencePooling::SentencePooling(const Scope& scope, std::vector<std::string> modes, const std::string& where)
    : Module(scope), modes_(std::move(modes)) {
  for (const std::string& mode : modes_) {
    if (std::ranges::find(known_modes(), mode) != known_modes().end()) continue;
    std::string known;
    for (const std::string& one : known_modes()) known += (known.empty() ? "" : ", ") + one;
    throw Error(ErrorKind::kUnsupported,
                where + ": the pooling_mode \"" + mode + "\" is not known; there are " + known);
  }
}

const std::vector<std::string>& SentencePooling::known_modes() {
  static const std::vector<std::string> modes = {"cls",          "max",      "mean", "mean_sqrt_len_tokens",
                                                 "weightedmean", "lasttoken"};
  return modes;
}

Tensor SentencePooling::call(const Tensor& token_embeddings, const Tensor& attention_mask) const {
  std::vector<Tensor> parts;
  for (const std::string& mode : modes_) parts.push_back(pooled(mode, token_embeddings, attention_mask));
  return parts.size() == 1 ? parts.front() : tf::concat(parts, -1);
}

Tensor SentenceNormalize::call(const Tensor& embedding) const {
  constexpr double kSmallest = 1e-12;  // of a length, see PyTorch's normalize
  const Tensor length = tf::sqrt(tf::reduce_sum(tf::square(embedding), {1}, /*keep_dims=*/true));
  return embedding / tf::maximum(length, kSmallest);
}

SentenceTransformer::SentenceTransformer(std::unique_ptr<Model> transformer, SentencePooling pooling,
                                         std::vector<Step> steps)
    : Model(transformer->config(), with_embedding(*transformer)),
      transformer_(std::move(transformer)),
      pooling_(std::move(pooling)),
      steps_(std::move(steps)) {}

ModelOutput SentenceTransformer::call(const ModelInputs& inputs, const Call& call) const {
  ModelOutput outputs = transformer_->call(inputs, call);
  const Tensor token_embeddings = outputs.at("last_hidden_state");
  Tensor embedding = pooling_(token_embeddings, mask_or_ones(inputs, "attention_mask", token_embeddings));
  for (const Step& step : steps_) {
    embedding = std::visit([&](const auto& module) { return module(embedding); }, step);
  }
  return outputs.add(kOutput, embedding);
}

}  // namespace crossload::blocks

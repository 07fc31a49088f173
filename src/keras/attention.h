// The part of attention that has no weights. It begins with the scores, so that how a model scales, biases and masks
// them stands in its own file, in the order of PyTorch's operations:
//
//   const Tensor scores = attention_scores(split_heads(query(x), heads), split_heads(key(x), heads));
//   const Tensor probabilities = dropout(tf::softmax(masked(scores / std::sqrt(heads.size), mask)), call);
//   return {attend(probabilities, split_heads(value(x), heads)), probabilities};
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tf/ops.h"

namespace crossload::keras {

/// How a width is divided among the heads of an attention.
struct Heads {
  /// Throws Error(kBadInput) that names both fields of config.json when the width is no multiple of the heads.
  Heads(const std::string& width_field, std::int64_t width, const std::string& heads_field, std::int64_t heads);
  Heads(std::int64_t heads, std::int64_t head_size) : count(heads), size(head_size) {}

  std::int64_t count;
  std::int64_t size;

  std::int64_t width() const { return count * size; }
  /// sqrt(size)
  double root() const;
};

/// [batch, length, heads * size] -> [batch, heads, length, size]
tf::Tensor split_heads(const tf::Tensor& x, const Heads& heads);

/// query [batch, heads, queries, size], key [batch, heads, keys, size] -> [batch, heads, queries, keys]
tf::Tensor attention_scores(const tf::Tensor& query, const tf::Tensor& key);

/// The scores with a mask added that is 0 where they count and very low elsewhere (see extended_attention_mask).
tf::Tensor masked(const tf::Tensor& scores, const std::optional<tf::Tensor>& mask);

/// The scores with the lowest number of their type where a mask, bool, is true, as PyTorch's masked_fill has it.
tf::Tensor masked_fill(const tf::Tensor& scores, const std::optional<tf::Tensor>& is_masked);

/// What the probabilities [batch, heads, queries, keys] take of the values [batch, heads, keys, size], heads side by
/// side -> [batch, queries, heads * size]
tf::Tensor attend(const tf::Tensor& probabilities, const tf::Tensor& value);

}  // namespace crossload::keras

#include "keras/attention.h"

#include <cmath>

#include "crossload/error.h"
#include "keras/rows.h"

namespace crossload::keras {

Heads::Heads(const std::string& width_field, std::int64_t width, const std::string& heads_field, std::int64_t heads)
    : count(heads), size(heads > 0 ? width / heads : 0) {
  if (heads > 0 && size * heads == width) return;
  throw Error(ErrorKind::kBadInput, "config.json: " + width_field + " " + std::to_string(width) +
                                        " is not a multiple of " + heads_field + " " + std::to_string(heads));
}

double Heads::root() const { return std::sqrt(static_cast<double>(size)); }

tf::Tensor split_heads(const tf::Tensor& x, const Heads& heads) {
  const Rows rows = rows_of(x);
  return tf::transpose(tf::reshape(rows.matrix, {rows.lead[0], -1, heads.count, heads.size}), {0, 2, 1, 3});
}

tf::Tensor attention_scores(const tf::Tensor& query, const tf::Tensor& key) {
  return tf::matmul(query, key, /*transpose_a=*/false, /*transpose_b=*/true);
}

tf::Tensor masked(const tf::Tensor& scores, const std::optional<tf::Tensor>& mask) {
  return mask ? scores + *mask : scores;
}

tf::Tensor masked_fill(const tf::Tensor& scores, const std::optional<tf::Tensor>& is_masked) {
  return is_masked ? tf::where(*is_masked, tf::like(scores, tf::lowest(scores.dtype())), scores) : scores;
}

tf::Tensor attend(const tf::Tensor& probabilities, const tf::Tensor& value) {
  const tf::Tensor by_query = tf::transpose(tf::matmul(probabilities, value), {0, 2, 1, 3});
  const tf::Dims dims = tf::dims_of(by_query);  // [batch, queries, heads, size]
  return unfolded({tf::reshape(by_query, {-1, dims[2] * dims[3]}), {dims[0], dims[1]}});
}

}  // namespace crossload::keras

#include "keras/attention_mask.h"

#include "crossload/error.h"

namespace crossload::keras {
namespace {

tf::Tensor as_bias(const tf::Tensor& mask) { return (1.0 - mask) * tf::lowest(mask.dtype()); }

/// [batch, keys] -> [batch, 1, 1, keys]; [batch, queries, keys] -> [batch, 1, queries, keys]
tf::Tensor for_all_heads(const tf::Tensor& mask) {
  const tf::Tensor values = tf::cast(mask, tf::DataType::kFloat);
  switch (mask.rank()) {
    case 2:
      return tf::expand_dims(tf::expand_dims(values, 1), 1);
    case 3:
      return tf::expand_dims(values, 1);
    default:
      throw Error(ErrorKind::kUsage, "attention_mask has " + std::to_string(mask.rank()) +
                                         " dimensions; wanted [batch, length] or [batch, queries, keys]");
  }
}

}  // namespace

tf::Tensor extended_attention_mask(const tf::Tensor& mask) { return as_bias(for_all_heads(mask)); }

tf::Tensor causal_attention_mask(const tf::Tensor& mask) {
  if (mask.rank() != 2) return extended_attention_mask(mask);
  const tf::Tensor positions = tf::range(mask.graph(), tf::dims_of(mask)[1]);
  const tf::Tensor not_later = tf::less_equal(tf::expand_dims(positions, 0), tf::expand_dims(positions, 1));
  return as_bias(tf::cast(not_later, tf::DataType::kFloat) * for_all_heads(mask));  // [batch, 1, queries, keys]
}

const tf::Tensor& padding_mask(const tf::Tensor& mask) {
  if (mask.rank() == 2) return mask;
  throw Error(ErrorKind::kUsage,
              "attention_mask has " + std::to_string(mask.rank()) + " dimensions; this model takes [batch, length]");
}

}  // namespace crossload::keras

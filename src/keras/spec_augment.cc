#include "keras/spec_augment.h"

#include "crossload/error.h"

namespace crossload::keras {
namespace {

using tf::DataType;
using tf::Tensor;

/// How many spans each row gets, int32 [rows, 1].
Tensor span_counts(const Tensor& lengths, const Tensor& size, const SpanOptions& options) {
  tf::Graph& graph = lengths.graph();
  const auto span = static_cast<double>(options.length);
  const Tensor rounding = tf::random_uniform(graph, tf::shape(size));  // one number for all rows
  const Tensor wanted =
      tf::cast(tf::cast(lengths, DataType::kFloat) * (options.prob / span) + rounding, DataType::kInt32);
  const Tensor at_least = graph.constant(static_cast<std::int32_t>(options.min_masks));
  const Tensor starts = lengths - (span - 1.0);  // where a span may begin
  const Tensor fitting = tf::minimum(tf::floor_div(size, span), tf::maximum(starts, tf::zeros_like(starts)));
  return tf::minimum(tf::maximum(wanted, at_least), fitting);
}

}  // namespace

SpanOptions::SpanOptions(const Config& config, const std::string& axis, double default_prob,
                         std::int64_t default_min_masks)
    : prob(config.number("mask_" + axis + "_prob", default_prob)),
      length(config.integer("mask_" + axis + "_length", 10)),
      min_masks(config.integer("mask_" + axis + "_min_masks", default_min_masks)) {
  if (length < 1 || min_masks < 0) {
    throw Error(ErrorKind::kBadInput,
                "config.json: mask_" + axis + "_length must be above 0 and mask_" + axis + "_min_masks not below 0");
  }
}

Tensor random_spans(const Tensor& lengths, const tf::Dim& size, const SpanOptions& options) {
  tf::Graph& graph = lengths.graph();
  const tf::Dim rows = tf::dims_of(lengths)[0];
  const Tensor whole = size.as_tensor(graph);
  const Tensor positions = tf::expand_dims(tf::range(graph, size), 0);  // [1, size]
  const Tensor counts = span_counts(lengths, whole, options);

  // The spans begin where the largest of random scores are; a position where none may begin has a score below all.
  const Tensor random = tf::random_uniform(graph, tf::pack_dims(graph, {rows, size}));
  const Tensor may_begin = tf::less(positions, lengths - static_cast<double>(options.length - 1));
  const Tensor scores = tf::where(may_begin, random, tf::zeros_like(random) - 1.0);
  const Tensor sorted = graph.operation("TopKV2").input(scores).input(whole).outputs().front();  // largest first
  const Tensor is_last = tf::cast(tf::equal(positions, counts - 1.0), DataType::kFloat);
  const Tensor smallest = tf::reduce_sum(sorted * is_last, {1}, /*keep_dims=*/true);
  const Tensor has_any = tf::less(tf::zeros_like(counts), counts);
  const Tensor begins = tf::cast(
      tf::logical_and(tf::logical_and(may_begin, has_any), tf::greater_equal(scores, smallest)), DataType::kFloat);

  // A position is in a span when one of the last `length` positions begins one.
  const Tensor so_far = tf::cumsum(begins, /*axis=*/1);
  const Tensor none = tf::fill(graph, {rows, options.length}, graph.constant(0.0F));
  const Tensor before = tf::slice(tf::concat({none, so_far}, /*axis=*/1), /*axis=*/1, 0, size);
  return tf::clip(so_far - before, 0.0, 1.0);
}

}  // namespace crossload::keras

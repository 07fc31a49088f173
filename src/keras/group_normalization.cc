#include "keras/group_normalization.h"

#include "crossload/error.h"
#include "keras/normalized.h"

namespace crossload::keras {

GroupNormalization::GroupNormalization(const Scope& scope, std::int64_t groups, std::int64_t channels, double epsilon)
    : Module(scope),
      groups_(groups),
      epsilon_(epsilon),
      gamma_(scope.variable("gamma", "weight", {channels})),
      beta_(scope.variable("beta", "bias", {channels})) {
  if (groups <= 0 || channels % groups != 0) {
    throw Error(ErrorKind::kBadInput, scope.path() + ": " + std::to_string(channels) +
                                          " channels are not a multiple of " + std::to_string(groups) + " groups");
  }
}

tf::Tensor GroupNormalization::call(const tf::Tensor& x) const {
  ModelGraph& graph = ModelGraph::of(x);
  const tf::Dims dims = tf::dims_of(x);
  const tf::Tensor parts = tf::reshape(x, {dims[0], groups_, -1});  // [batch, groups, channels / groups * length]
  const tf::Tensor y = tf::reshape(normalized(parts, {-1}, epsilon_), dims);
  return y * tf::expand_dims(graph.value(gamma_), 1) + tf::expand_dims(graph.value(beta_), 1);
}

}  // namespace crossload::keras

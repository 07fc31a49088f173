#include "keras/weight_norm_conv1d.h"

namespace crossload::keras {
namespace {

using Keys = std::vector<std::string>;

}  // namespace

WeightNorm::WeightNorm(const Scope& conv, const Shape& shape)
    : Module(conv.child("parametrizations.weight", "weight")),
      v_(conv.variable("weight_v", Keys{"weight_v", "parametrizations.weight.original1"}, shape)),
      g_(conv.variable("weight_g", Keys{"weight_g", "parametrizations.weight.original0"}, {1, 1, shape[2]},
                       {.reshaped = {shape[2], 1, 1}})),
      inner_(conv.child("parametrizations.weight.0", "weight/norm")) {}

tf::Tensor WeightNorm::call(const tf::Tensor& any) const {
  ModelGraph& graph = ModelGraph::of(any);
  return inner_(tf::reshape(graph.value(g_), {1, 1, -1}), graph.value(v_));
}

tf::Tensor WeightNorm::Inner::call(const tf::Tensor& g, const tf::Tensor& v) const {
  return v * (g * tf::rsqrt(tf::reduce_sum(tf::square(v), {0, 1}, /*keep_dims=*/true)));
}

WeightNormConv1D::WeightNormConv1D(const Scope& scope, std::int64_t in_channels, std::int64_t out_channels,
                                   std::int64_t width, const Conv1DOptions& options)
    : Module(scope),
      options_(options),
      weight_(scope,
              {out_channels, channels_per_group(scope.path(), in_channels, out_channels, options.groups), width}),
      bias_(scope.variable("bias", "bias", {out_channels})) {}

tf::Tensor WeightNormConv1D::call(const tf::Tensor& x) const {
  const tf::Tensor kernel = tf::transpose(weight_(x), {2, 1, 0});  // [width, in / groups, out]
  return convolve(x, kernel, options_) + tf::expand_dims(ModelGraph::of(x).value(bias_), 1);
}

}  // namespace crossload::keras

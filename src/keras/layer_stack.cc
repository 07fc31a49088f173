#include "keras/layer_stack.h"

namespace crossload::keras {

tf::Tensor layer_dropped(const tf::Tensor& input, const tf::Tensor& output, double layerdrop, const Call& call) {
  if (!call.training || layerdrop == 0.0) return output;
  tf::Graph& graph = input.graph();
  const tf::Tensor threshold = graph.constant(static_cast<float>(layerdrop));
  return tf::where(tf::less(tf::random_uniform(graph, tf::shape(threshold)), threshold), input, output);
}

}  // namespace crossload::keras

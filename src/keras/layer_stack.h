// Running the layers of an encoder or decoder one after the other.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "keras/call.h"
#include "keras/model_output.h"
#include "keras/weights.h"
#include "tf/ops.h"

namespace crossload::keras {

/// What a layer returns: its output, and the probabilities of its attentions where there are any.
struct LayerOutput {
  tf::Tensor hidden_states;
  std::optional<tf::Tensor> attention = std::nullopt;
  std::optional<tf::Tensor> cross_attention = std::nullopt;
};

inline void append_tensors(std::vector<tf::Tensor>* list, const LayerOutput& output) {
  list->push_back(output.hidden_states);
  if (output.attention) list->push_back(*output.attention);
  if (output.cross_attention) list->push_back(*output.cross_attention);
}

/// Layers 0, 1, ... of a list, "layer.0" in PyTorch and "layer_._0" in TensorFlow, each made of the same arguments.
template <class Layer, class... Arguments>
std::vector<Layer> layers_of(const Scope& list, std::int64_t count, const Arguments&... arguments) {
  std::vector<Layer> layers;
  for (std::int64_t i = 0; i < count; ++i) layers.emplace_back(list / i, arguments...);
  return layers;
}

/// The same where v4 calls them "layers.0" in TensorFlow too.
template <class Layer, class... Arguments>
std::vector<Layer> dotted_layers_of(const Scope& parent, const std::string& list, std::int64_t count,
                                    const Arguments&... arguments) {
  std::vector<Layer> layers;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::string name = list + "." + std::to_string(i);
    layers.emplace_back(parent.child(name, name), arguments...);
  }
  return layers;
}

/// What some stacks do besides.
struct StackOptions {
  /// In training a layer is left out with this probability: what went in is taken for what came out.
  double layerdrop = 0;
  /// Makes the last hidden states of what the last layer returns: a norm.
  std::function<tf::Tensor(const tf::Tensor&)> finish = nullptr;
};

/// `output` in most calls; in training, with probability `layerdrop`, `input`.
tf::Tensor layer_dropped(const tf::Tensor& input, const tf::Tensor& output, double layerdrop, const Call& call);

/// Runs the layers in order by `step(layer, hidden_states)`, which returns a LayerOutput -> last_hidden_state,
/// hidden_states (what went into each layer, and the last ones), attentions and cross_attentions, as far as the call
/// wants them.
template <class Layers, class Step>
ModelOutput run_layers(const Layers& layers, tf::Tensor hidden_states, const Call& call, const Step& step,
                       const StackOptions& options = {}) {
  std::vector<tf::Tensor> all_hidden_states;
  std::vector<tf::Tensor> all_attentions;
  std::vector<tf::Tensor> all_cross_attentions;
  for (const auto& layer : layers) {
    if (call.output_hidden_states) all_hidden_states.push_back(hidden_states);
    const LayerOutput output = step(layer, hidden_states);
    hidden_states = layer_dropped(hidden_states, output.hidden_states, options.layerdrop, call);
    if (call.output_attentions && output.attention) all_attentions.push_back(*output.attention);
    if (call.output_attentions && output.cross_attention) all_cross_attentions.push_back(*output.cross_attention);
  }
  if (options.finish) hidden_states = options.finish(hidden_states);
  if (call.output_hidden_states) all_hidden_states.push_back(hidden_states);
  ModelOutput outputs;
  outputs.add("last_hidden_state", hidden_states).add("hidden_states", all_hidden_states);
  return outputs.add("attentions", all_attentions).add("cross_attentions", all_cross_attentions);
}

}  // namespace crossload::keras

// Inputs that a model makes itself where they were not passed.
#pragma once

#include <string>

#include "keras/model_graph.h"
#include "keras/model_output.h"

namespace crossload::keras {

/// The input of that name, or what `make()` makes of others; the graph then knows that it stands for the input, so that
/// one who has it already can be served by the rest of the graph.
template <class Make>
tf::Tensor given_or_made(const ModelInputs& inputs, const std::string& name, const Make& make) {
  if (const std::optional<tf::Tensor> given = inputs.find(name)) return *given;
  const tf::Tensor made = make();
  ModelGraph::of(made).set_made_input(inputs.prefix + name, made);
  return made;
}

}  // namespace crossload::keras

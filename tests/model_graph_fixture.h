// Graphs of layers, see graph_fixture.h.
#pragma once

#include <memory>
#include <utility>

#include "graph_fixture.h"
#include "keras/model_graph.h"

namespace crossload::keras {

/// Whose variables are its own, to be assigned.
class GraphOfVariables : public ModelGraph {
 public:
  explicit GraphOfVariables(std::shared_ptr<const tf::Library> library)
      : ModelGraph(std::move(library), Handles::kVariables) {}
};

using ModelGraphTest = tf::TestOfGraph<GraphOfVariables>;

}  // namespace crossload::keras

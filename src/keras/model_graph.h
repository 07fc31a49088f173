// The graph that a model is called into: its variables, and the stage of every module.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "keras/variable.h"
#include "tf/graph.h"

namespace crossload::keras {

/// What one call of one module returned, in the order of execution (a module after its children).
struct Stage {
  std::string path;  // the module's path in PyTorch
  int call;          // 0, 1, ... for a module that is called several times
  std::vector<tf::Tensor> outputs;
};

class ModelGraph : public tf::Graph {
 public:
  /// Where the resource of a variable comes from. kVariables: a VarHandleOp of this graph, to be assigned; kArguments:
  /// a placeholder, to become an argument of a function.
  enum class Handles { kVariables, kArguments };

  ModelGraph(std::shared_ptr<const tf::Library> library, Handles handles)
      : tf::Graph(std::move(library)), handles_kind_(handles) {}

  /// The graph of a tensor that a layer got. Every tensor in a layer's call is of a ModelGraph.
  static ModelGraph& of(const tf::Tensor& tensor) { return dynamic_cast<ModelGraph&>(tensor.graph()); }

  /// The value of a variable, float32. Read once a graph.
  tf::Tensor value(const Variable& variable);
  /// The resource of a variable.
  tf::Tensor handle(const Variable& variable);

  void record(const std::string& path, const std::vector<tf::Tensor>& outputs);
  const std::vector<Stage>& stages() const { return stages_; }

 private:
  Handles handles_kind_;
  std::map<const Variable*, tf::Tensor> handles_;
  std::map<const Variable*, tf::Tensor> values_;
  std::map<std::string, int> calls_;
  std::vector<Stage> stages_;
};

}  // namespace crossload::keras

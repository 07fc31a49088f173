// The graph that a model is called into: its variables, and the stage of every module.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "keras/module_error.h"
#include "keras/place.h"
#include "keras/rows.h"
#include "keras/variable.h"
#include "tf/graph.h"

namespace crossload::keras {

/// What one call of one module returned, in the order of execution (a module after its children).
struct Stage {
  std::string path;  // the module's path in PyTorch
  int call;          // 0, 1, ... for a module that is called several times
  std::vector<tf::Tensor> outputs;
  // Our class and its constructor, see Place.
  std::string class_name;
  std::string file;
  int line = 0;
  std::string caller;  // the path of the module whose `call` made this call; empty for the model itself
  /// The same tensors in other layouts, which those may read that come after.
  std::vector<tf::Tensor> other_forms = {};
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

  /// The value of a variable, as float32, in which models compute whatever the variable is kept in. Read once a graph.
  tf::Tensor value(const Variable& variable);
  /// The resource of a variable.
  tf::Tensor handle(const Variable& variable);

  const std::vector<Stage>& stages() const { return stages_; }

  // For models that are no modules of ours: what a traced one returned, and which one nodes of a scope belong to.
  void add_stage(Stage stage) { stages_.push_back(std::move(stage)); }
  void add_scope(const std::string& scope, const Place& place, const Place& caller) {
    scopes_.try_emplace(scope, place, caller);
  }
  /// What stands for an input of the model that was not passed, see given_or_made.
  void set_made_input(const std::string& name, const tf::Tensor& tensor) {
    made_inputs_.insert_or_assign(name, tensor);
  }
  const std::map<std::string, tf::Tensor>& made_inputs() const { return made_inputs_; }

  /// The rows of a tensor, where they are known, see rows.h.
  const Rows* rows_of(const tf::Tensor& tensor) const;
  void set_rows(const tf::Tensor& tensor, const Rows& rows);

  /// The failure of a run, at the module that made the node.
  ModuleFailure failure_of(const tf::OperationError& error) const;

 private:
  friend class ModuleCall;

  Handles handles_kind_;
  std::map<const Variable*, tf::Tensor> handles_;
  std::map<const Variable*, tf::Tensor> values_;
  std::map<std::string, int> calls_;
  std::vector<Place> running_;  // the modules that are being called, the outermost first
  // Modules and who calls them, by the scope of the names of their nodes.
  std::map<std::string, std::pair<Place, Place>> scopes_;
  std::vector<Stage> stages_;
  std::map<std::string, tf::Tensor> made_inputs_;
  std::map<std::pair<TF_Operation*, int>, Rows> rows_;  // by the output of an operation
};

/// One call of a module into a graph, while it lasts: operations made meanwhile are named in the module's scope.
class ModuleCall {
 public:
  /// `graph` may be null when no argument of the call is a tensor.
  ModuleCall(tf::Graph* graph, Place place, const std::string& tensorflow_path);
  ~ModuleCall();
  ModuleCall(const ModuleCall&) = delete;
  ModuleCall& operator=(const ModuleCall&) = delete;

  /// Makes what the module returned a stage.
  void record(const std::vector<tf::Tensor>& outputs) const;
  /// Throws ModuleError: an operation of this module's own cannot be made.
  [[noreturn]] void fail(const tf::OperationError& error) const;

 private:
  ModelGraph* graph_;
  Place place_;
  Place caller_;  // without a class when none makes the call, or when it is not known
  tf::NameScope scope_;
};

}  // namespace crossload::keras

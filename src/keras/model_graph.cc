#include "keras/model_graph.h"

namespace crossload::keras {

tf::Tensor ModelGraph::handle(const Variable& variable) {
  const auto found = handles_.find(&variable);
  if (found != handles_.end()) return found->second;
  const tf::NameScope outside(this, "");
  tf::Tensor handle = handles_kind_ == Handles::kVariables
                          ? operation("VarHandleOp", node_name(variable))
                                .type("dtype", tf::DataType::kFloat)
                                .shape("shape", variable.shape)
                                .text("shared_name", node_name(variable))
                                .output()
                          : operation("Placeholder", "variable_" + std::to_string(handles_.size()))
                                .type("dtype", tf::DataType::kResource)
                                .shape("shape", {})
                                .output();
  return handles_.emplace(&variable, handle).first->second;
}

tf::Tensor ModelGraph::value(const Variable& variable) {
  const auto found = values_.find(&variable);
  if (found != values_.end()) return found->second;
  const tf::Tensor resource = handle(variable);
  const tf::NameScope outside(this, "");
  tf::Tensor value = operation("ReadVariableOp", node_name(variable) + "/Read")
                         .input(resource)
                         .type("dtype", tf::DataType::kFloat)
                         .output();
  set_shape(value, variable.shape);
  return values_.emplace(&variable, value).first->second;
}

void ModelGraph::record(const std::string& path, const std::vector<tf::Tensor>& outputs) {
  if (path.empty()) return;  // the model itself: its results are the outputs
  stages_.push_back({path, calls_[path]++, outputs});
}

}  // namespace crossload::keras

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

ModuleCall::ModuleCall(tf::Graph* graph, Place place, const std::string& tensorflow_path)
    : graph_(dynamic_cast<ModelGraph*>(graph)), place_(std::move(place)), scope_(graph, tensorflow_path) {
  if (graph_ != nullptr) graph_->running_.push_back(place_);
}

ModuleCall::~ModuleCall() {
  if (graph_ != nullptr) graph_->running_.pop_back();
}

void ModuleCall::record(const std::vector<tf::Tensor>& outputs) const {
  if (place_.path.empty()) return;  // the model itself: its results are the outputs
  ModelGraph& graph = ModelGraph::of(outputs.front());
  const std::size_t outside = graph.running_.size() - (graph_ != nullptr ? 1 : 0);
  graph.stages_.push_back({place_.path, graph.calls_[place_.path]++, outputs, place_.class_name, place_.file,
                           place_.line, outside > 0 ? graph.running_[outside - 1].path : ""});
}

}  // namespace crossload::keras

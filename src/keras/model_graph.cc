#include "keras/model_graph.h"

#include "tf/ops.h"

namespace crossload::keras {

tf::Tensor ModelGraph::handle(const Variable& variable) {
  const auto found = handles_.find(&variable);
  if (found != handles_.end()) return found->second;
  const tf::NameScope outside(this, "");
  tf::Tensor handle = handles_kind_ == Handles::kVariables
                          ? operation("VarHandleOp", node_name(variable))
                                .type("dtype", dtype_of(variable))
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
                         .type("dtype", dtype_of(variable))
                         .output();
  set_shape(value, variable.shape);
  return values_.emplace(&variable, tf::cast(value, tf::DataType::kFloat)).first->second;
}

const Rows* ModelGraph::rows_of(const tf::Tensor& tensor) const {
  const auto found = rows_.find({tensor.output().oper, tensor.output().index});
  return found == rows_.end() ? nullptr : &found->second;
}

void ModelGraph::set_rows(const tf::Tensor& tensor, const Rows& rows) {
  rows_.insert_or_assign({tensor.output().oper, tensor.output().index}, rows);
}

ModuleFailure ModelGraph::failure_of(const tf::OperationError& error) const {
  std::string scope = error.node();
  do {
    const std::size_t slash = scope.rfind('/');
    scope.resize(slash == std::string::npos ? 0 : slash);
    const auto found = scopes_.find(scope);
    if (found != scopes_.end()) return {found->second.first, found->second.second, error.type(), error.reason()};
  } while (!scope.empty());
  return {{}, {}, error.type(), error.reason()};
}

ModuleCall::ModuleCall(tf::Graph* graph, Place place, const std::string& tensorflow_path)
    : graph_(dynamic_cast<ModelGraph*>(graph)),
      place_(std::move(place)),
      caller_(graph_ != nullptr && !graph_->running_.empty() ? graph_->running_.back() : Place()),
      scope_(graph, tensorflow_path) {
  if (graph_ == nullptr) return;
  graph_->running_.push_back(place_);
  graph_->scopes_.try_emplace(tensorflow_path, place_, caller_);
}

ModuleCall::~ModuleCall() {
  if (graph_ != nullptr) graph_->running_.pop_back();
}

void ModuleCall::record(const std::vector<tf::Tensor>& outputs) const {
  if (place_.path.empty()) return;  // the model itself: its results are the outputs
  ModelGraph& graph = ModelGraph::of(outputs.front());
  std::string caller = caller_.path;
  if (graph_ == nullptr && !graph.running_.empty()) caller = graph.running_.back().path;
  Stage stage = {place_.path, graph.calls_[place_.path]++, outputs, place_.class_name, place_.file, place_.line,
                 caller};
  for (const tf::Tensor& output : outputs) {
    if (const Rows* rows = graph.rows_of(output)) stage.other_forms.push_back(rows->matrix);
  }
  graph.stages_.push_back(std::move(stage));
}

void ModuleCall::fail(const tf::OperationError& error) const {
  throw ModuleError({place_, caller_, error.type(), error.reason()});
}

}  // namespace crossload::keras

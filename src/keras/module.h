// The base of every layer and model.
//
//   class TFBertPooler : public Module<TFBertPooler> {
//    public:
//     TFBertPooler(const Scope& scope, const Config& config) : Module(scope), dense(scope / "dense", ...) {}
//     Tensor call(const Tensor& hidden_states) const { return tanh(dense(hidden_states)); }
//   };
//
// Constructing binds the weights; `pooler(x)` runs `call` and records what it returns as the stage of the module's
// path. An operation that TensorFlow refuses becomes a ModuleError of the innermost module.
#pragma once

#include <optional>
#include <source_location>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "keras/call.h"
#include "keras/model_graph.h"
#include "keras/model_output.h"
#include "keras/weights.h"
#include "keras/words.h"

namespace crossload::keras {

// The tensors of whatever a module returns, in order.
inline void append_tensors(std::vector<tf::Tensor>* list, const tf::Tensor& tensor) { list->push_back(tensor); }
inline void append_tensors(std::vector<tf::Tensor>* list, const std::vector<tf::Tensor>& tensors) {
  list->insert(list->end(), tensors.begin(), tensors.end());
}
inline void append_tensors(std::vector<tf::Tensor>* list, const std::optional<tf::Tensor>& tensor) {
  if (tensor) list->push_back(*tensor);
}
inline void append_tensors(std::vector<tf::Tensor>* list, const ModelOutput& output) {
  for (const ModelOutput::Field& field : output.fields()) append_tensors(list, field.tensors);
}
template <class... Parts>
void append_tensors(std::vector<tf::Tensor>* list, const std::tuple<Parts...>& parts) {
  std::apply([&](const auto&... part) { (append_tensors(list, part), ...); }, parts);
}

// The graph of the first argument that has one.
inline tf::Graph* graph_of() { return nullptr; }
template <class First, class... Rest>
tf::Graph* graph_of(const First& first, const Rest&... rest) {
  if constexpr (std::is_same_v<First, tf::Tensor>) {
    return &first.graph();
  } else if constexpr (std::is_same_v<First, ModelInputs>) {
    return first.tensors.empty() ? graph_of(rest...) : &first.tensors.begin()->second.graph();
  } else {
    return graph_of(rest...);
  }
}

/// A part that some models have: with the condition, what the arguments construct.
///   position_embeddings(maybe<Embedding>(sizes.absolute, scope / "position_embeddings", positions, width))
template <class Part, class... Arguments>
std::optional<Part> maybe(bool condition, const Arguments&... arguments) {
  return condition ? std::make_optional<Part>(arguments...) : std::nullopt;
}

template <class Derived>
class Module {
 public:
  /// `where` is left out: it then lies in the constructor of the derived class.
  explicit Module(const Scope& scope, std::source_location where = std::source_location::current())
      : path_(scope.path()), tensorflow_path_(scope.tensorflow_path()), where_(where) {}

  template <class... Arguments>
  auto operator()(const Arguments&... arguments) const {
    const ModuleCall running(graph_of(arguments...), place(), tensorflow_path_);
    try {
      auto result = static_cast<const Derived&>(*this).call(arguments...);
      std::vector<tf::Tensor> outputs;
      append_tensors(&outputs, result);
      running.record(outputs);
      return result;
    } catch (const tf::OperationError& error) {
      running.fail(error);
    }
  }

  const std::string& path() const { return path_; }
  Place place() const { return place_of(path_, typeid(Derived), where_); }

 private:
  std::string path_;
  std::string tensorflow_path_;
  std::source_location where_;
};

}  // namespace crossload::keras

// A TensorFlow graph under construction, and the symbolic tensors in it.
//
//   Graph graph(library);
//   Tensor x = graph.placeholder(DataType::kFloat, {-1, 4}, "x");
//   Tensor y = graph.operation("Tanh").input(x).output();
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tf/host_tensor.h"
#include "tf/number.h"

namespace crossload::tf {

class Graph;

/// One output of one operation. Copying copies the reference. Sizes that are only known at run time are -1.
class Tensor {
 public:
  Tensor(Graph* graph, TF_Output output) : graph_(graph), output_(output) {}

  Graph& graph() const { return *graph_; }
  TF_Output output() const { return output_; }
  DataType dtype() const;
  int rank() const;
  /// Throws OperationError when not even the rank is known.
  Shape shape() const;
  /// Negative dimensions count from the end. Throws OperationError when there is no such dimension.
  std::int64_t dim(int dimension) const;
  /// "name:index"
  std::string name() const;

 private:
  Graph* graph_;
  TF_Output output_;
};

/// Describes one operation; finished by output(), outputs() or finish(), once.
class OperationBuilder {
 public:
  OperationBuilder(Graph* graph, const std::string& type, const std::string& name);
  OperationBuilder& input(const Tensor& tensor);
  OperationBuilder& inputs(const std::vector<Tensor>& tensors);
  OperationBuilder& control(TF_Operation* operation);
  OperationBuilder& type(const char* attribute, DataType value);
  OperationBuilder& types(const char* attribute, const std::vector<DataType>& values);
  OperationBuilder& integer(const char* attribute, std::int64_t value);
  OperationBuilder& integers(const char* attribute, const std::vector<std::int64_t>& values);
  OperationBuilder& number(const char* attribute, float value);
  OperationBuilder& flag(const char* attribute, bool value);
  OperationBuilder& text(const char* attribute, std::string_view value);
  OperationBuilder& shape(const char* attribute, const Shape& value);
  OperationBuilder& shapes(const char* attribute, const std::vector<Shape>& values);
  OperationBuilder& value(const char* attribute, const HostTensor& value);
  OperationBuilder& function(const char* attribute, const std::string& name);
  /// A serialized AttrValue, for what the other setters cannot say.
  OperationBuilder& proto(const char* attribute, const std::string& attr_value);

  /// Each throws OperationError with TensorFlow's message when the inputs do not fit the operation.
  TF_Operation* finish();
  Tensor output();
  std::vector<Tensor> outputs();

 private:
  Graph* graph_;
  std::string type_;
  std::string name_;
  TF_OperationDescription* description_;
  std::vector<Tensor> inputs_;
};

/// A function made of a graph, see Graph::to_function.
class Function {
 public:
  Function(std::shared_ptr<const Library> library, TF_Function* owned)
      : library_(std::move(library)), function_(owned, library_->TF_DeleteFunction) {}
  /// Parses a serialized FunctionDef.
  static Function from_proto(std::shared_ptr<const Library> library, const std::string& function_def);
  TF_Function* get() const { return function_.get(); }
  /// The serialized FunctionDef.
  std::string to_proto() const;

 private:
  std::shared_ptr<const Library> library_;
  std::shared_ptr<TF_Function> function_;
};

class Graph {
 public:
  explicit Graph(std::shared_ptr<const Library> library);
  virtual ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  /// Called with what an operation made, gives what is used in its place.
  using Substitute = std::function<Tensor(const Tensor&)>;
  /// For whoever wants a graph with a fault in it (see bench/faults/). Operations that the function makes are its own:
  /// it is not called with them.
  void set_substitute(Substitute substitute) { substitute_ = std::move(substitute); }

  /// Starts an operation. Without a name it gets one from its type, unique in the scope.
  OperationBuilder operation(const std::string& type, const std::string& name = "");
  Tensor placeholder(DataType dtype, const Shape& shape, const std::string& name);
  Tensor constant(const HostTensor& value);
  Tensor constant(float value);
  Tensor constant(std::int32_t value);
  Tensor constant(const std::vector<std::int32_t>& values);
  /// [count]
  Tensor texts(const std::vector<std::string>& values, const std::string& name = "");
  /// A scalar of the given type. Throws OperationError when the type cannot hold the number: 0.5 as int32.
  Tensor constant(const Number& value, DataType dtype);

  /// Tells the graph what shape inference cannot know.
  void set_shape(const Tensor& tensor, const Shape& shape);
  /// One that is there already, with the same name and body, stays.
  void add_function(const Function& function);
  std::vector<Function> functions() const;
  /// The operations that a tensor is computed from, and those that run before these, with those that made it.
  std::set<TF_Operation*> origins_of(const std::vector<Tensor>& tensors) const;
  /// What the outputs are computed from as the body of a function. Outputs are named `output_names`.
  Function to_function(const std::string& name, const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs,
                       const std::vector<std::string>& output_names) const;
  /// The serialized GraphDef, with its functions.
  std::string to_proto() const;

  const std::shared_ptr<const Library>& library() const { return library_; }
  TF_Graph* get() const { return graph_; }
  /// What names of operations begin with now, "bert/encoder/"; empty outside of every NameScope.
  const std::string& scope() const { return scope_; }

 private:
  friend class NameScope;
  friend class OperationBuilder;
  std::string unique_name(const std::string& type);
  Tensor substituted(const Tensor& made);

  std::shared_ptr<const Library> library_;
  TF_Graph* graph_;
  std::string scope_;
  std::int64_t operations_ = 0;
  Substitute substitute_;
};

/// Operations made while it lives are named `<scope>/...`. Without a graph it does nothing.
class NameScope {
 public:
  NameScope(Graph* graph, const std::string& scope);
  ~NameScope();
  NameScope(const NameScope&) = delete;
  NameScope& operator=(const NameScope&) = delete;

 private:
  Graph* graph_;
  std::string outer_;
};

}  // namespace crossload::tf

// One node of a program while it is lowered: typed access to its arguments by their names in PyTorch's documentation.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "keras/model_graph.h"
#include "lowering/promotion.h"
#include "lowering/value.h"
#include "program/program.h"

namespace crossload::lowering {

/// What the nodes of a graph gave so far, and where the sizes of its inputs are.
struct Environment {
  keras::ModelGraph* graph;
  std::map<std::string, Value> values;
  std::map<std::string, program::Result> results;           // as PyTorch recorded them
  std::map<std::string, tf::Dim> symbols;                   // sizes of the inputs, by their symbols
  std::map<std::string, const keras::Variable*> variables;  // by the nodes of the parameters
  std::map<std::string, const program::Node*> nodes;
  std::set<std::pair<std::string, std::int64_t>> members_read;  // of nodes that give several tensors, each by its place
};

class Operation {
 public:
  Operation(Environment* environment, const program::Node& node) : environment_(*environment), node_(node) {}

  const program::Node& node() const { return node_; }
  tf::Graph& graph() const { return *environment_.graph; }

  // What it gives, as PyTorch recorded it. Each throws OperationError where it is no tensor.
  tf::DataType dtype() const { return type().dtype; }
  int rank() const { return static_cast<int>(type().shape.size()); }
  /// Sizes that are numbers or the inputs' own; none where others are among them.
  std::optional<tf::Dims> known_dims() const;
  const program::TensorType& type() const;
  /// Of one that gives several tensors.
  const std::vector<std::optional<program::TensorType>>& types() const;
  /// Whether anything reads this one of several tensors; what nothing reads need not be made.
  bool is_read(std::int64_t member) const { return environment_.members_read.contains({node_.name, member}); }

  // Arguments. Each throws OperationError for one that is not there or of another kind.
  /// False for None.
  bool has(const std::string& name) const;
  Value value(const std::string& name) const;
  Forms& forms(const std::string& name) const;
  tf::Tensor tensor(const std::string& name) const { return forms(name).plain(); }
  /// The same in this type. A number or a size becomes a scalar.
  tf::Tensor tensor(const std::string& name, tf::DataType dtype) const;
  /// A list of tensors.
  std::vector<Value> list(const std::string& name) const;
  /// The names of the nodes of a list of tensors; empty for None.
  std::vector<std::string> nodes_of(const std::string& name) const;
  std::int64_t integer(const std::string& name) const;
  double number(const std::string& name) const;
  bool flag(const std::string& name) const;
  std::string text(const std::string& name) const;
  std::vector<std::int64_t> integers(const std::string& name) const;
  std::vector<double> numbers(const std::string& name) const;
  tf::Dim dim(const std::string& name) const;
  tf::Dims dims(const std::string& name) const;

  /// Whether PyTorch recorded an argument as a tensor: a number that is made of sizes is none, and one in TensorFlow.
  bool is_tensor(const std::string& name) const;
  /// As PyTorch recorded a tensor argument.
  const program::TensorType& type_of(const std::string& name) const;
  const program::TensorType& type_of_node(const std::string& node) const;
  int rank_of(const std::string& name) const { return static_cast<int>(type_of(name).shape.size()); }
  /// A size of a tensor argument; negative axes count from the end.
  tf::Dim dim_of(const std::string& name, int axis) const;
  tf::Dims dims_of(const std::string& name) const;
  /// An argument that is an axis of a tensor argument, counted from the front.
  int axis(const std::string& name, const std::string& of = "self") const;
  /// A list of axes, or one; all of them where the argument is None or empty.
  std::vector<int> axes(const std::string& name, const std::string& of = "self") const;
  /// The type in which operands of different types meet.
  tf::DataType promoted_type(const std::vector<std::string>& names) const;

  /// The variable behind an argument that is a parameter, and null for another.
  const keras::Variable* variable(const std::string& name) const;
  /// The node that an argument names; null for an input or a parameter, or another kind.
  const program::Node* node_behind(const std::string& name) const;
  /// The forms that another node gave.
  Forms& forms_of_node(const std::string& node) const;

  /// Throws OperationError(kUnsupported).
  [[noreturn]] void fail(const std::string& what) const;

 private:
  const program::Argument& argument(const std::string& name) const;
  Value value_of(const program::Argument& argument, const std::string& name) const;
  tf::Dim to_dim(const Value& value, const std::string& name) const;
  tf::Dim size_of(const std::string& node, int axis) const;
  const std::string* node_name(const std::string& name) const;
  OperandType operand_type(const std::string& name) const;

  Environment& environment_;
  const program::Node& node_;
};

/// A tensor of another type, as PyTorch converts it: whatever is not 0 is true.
tf::Tensor converted(const tf::Tensor& x, tf::DataType dtype);

}  // namespace crossload::lowering

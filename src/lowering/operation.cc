#include "lowering/operation.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tf/ops.h"

namespace crossload::lowering {
namespace {

using program::Argument;
using program::NodeName;
using program::SymbolType;
using program::TensorType;

const TensorType* tensor_type(const program::Result& result) { return std::get_if<TensorType>(&result); }

}  // namespace

tf::Tensor converted(const tf::Tensor& x, tf::DataType dtype) {
  if (x.dtype() == dtype) return x;
  if (dtype == tf::DataType::kBool) return tf::not_equal(x, tf::zeros_like(x));
  return tf::cast(x, dtype);
}

void Operation::fail(const std::string& what) const {
  throw tf::OperationError(node_.name + ": " + node_.op + ": " + what, node_.op, node_.name, what,
                           ErrorKind::kUnsupported);
}

const TensorType& Operation::type() const {
  if (const TensorType* type = tensor_type(node_.result)) return *type;
  fail("gives no single tensor");
}

const std::vector<std::optional<TensorType>>& Operation::types() const {
  if (const auto* types = std::get_if<std::vector<std::optional<TensorType>>>(&node_.result)) return *types;
  fail("gives no list of tensors");
}

std::optional<tf::Dims> Operation::known_dims() const {
  tf::Dims dims;
  for (const program::Size& size : type().shape) {
    if (const auto* number = std::get_if<std::int64_t>(&size)) {
      dims.emplace_back(*number);
      continue;
    }
    const auto symbol = environment_.symbols.find(std::get<std::string>(size));
    if (symbol == environment_.symbols.end()) return std::nullopt;
    dims.push_back(symbol->second);
  }
  return dims;
}

const Argument& Operation::argument(const std::string& name) const {
  const auto found = node_.args.find(name);
  if (found == node_.args.end()) fail("has no argument " + name);
  return found->second;
}

bool Operation::has(const std::string& name) const {
  const auto found = node_.args.find(name);
  return found != node_.args.end() && !found->second.is_none();
}

Value Operation::value_of(const Argument& argument, const std::string& name) const {
  if (const auto* node = argument.get<NodeName>()) return environment_.values.at(node->name);
  if (const auto* truth = argument.get<bool>()) return *truth;
  if (const auto* integer = argument.get<std::int64_t>()) return tf::Dim(*integer);
  if (const auto* number = argument.get<double>()) return *number;
  if (const auto* list = argument.get<Argument::List>()) {
    Value::List values;
    for (const Argument& member : *list) values.push_back(value_of(member, name));
    return values;
  }
  if (argument.is_none()) return {};
  fail(name + " is of an unexpected kind");
}

Value Operation::value(const std::string& name) const { return value_of(argument(name), name); }

const std::string* Operation::node_name(const std::string& name) const {
  const auto* node = argument(name).get<NodeName>();
  return node == nullptr ? nullptr : &node->name;
}

Forms& Operation::forms(const std::string& name) const {
  const std::string* node = node_name(name);
  if (node == nullptr) fail(name + " is no tensor");
  return forms_of_node(*node);
}

Forms& Operation::forms_of_node(const std::string& node) const {
  Value& value = environment_.values.at(node);
  if (value.forms() == nullptr) fail(node + " is no tensor");
  return *value.forms();
}

tf::Tensor Operation::tensor(const std::string& name, tf::DataType dtype) const {
  const Value given = value(name);
  if (Forms* forms = given.forms()) return converted(forms->plain(), dtype);
  if (dtype == tf::DataType::kComplex64) return tf::cast(tensor(name, tf::DataType::kFloat), dtype);
  if (const bool* truth = given.get<bool>()) return graph().constant(*truth ? 1 : 0, dtype);
  if (const double* number = given.get<double>()) {
    if (dtype == tf::DataType::kBool) return graph().constant(*number != 0 ? 1 : 0, dtype);
    return graph().constant(tf::is_integer(dtype) ? std::trunc(*number) : *number, dtype);
  }
  if (const tf::Dim* dim = given.get<tf::Dim>()) {
    if (!dim->known()) return converted(dim->as_tensor(graph()), dtype);
    return graph().constant(dtype == tf::DataType::kBool ? std::int64_t(dim->size() != 0) : dim->size(), dtype);
  }
  fail(name + " is no tensor and no number");
}

std::vector<Value> Operation::list(const std::string& name) const {
  const Value given = value(name);
  if (const auto* list = given.get<Value::List>()) return *list;
  fail(name + " is no list");
}

std::vector<std::string> Operation::nodes_of(const std::string& name) const {
  const auto* list = argument(name).get<Argument::List>();
  if (list == nullptr) fail(name + " is no list");
  std::vector<std::string> names;
  for (const Argument& member : *list) {
    const auto* node = member.get<NodeName>();
    if (node == nullptr && !member.is_none()) fail(name + " is no list of tensors");
    names.push_back(node == nullptr ? "" : node->name);
  }
  return names;
}

std::int64_t Operation::integer(const std::string& name) const {
  const tf::Dim size = dim(name);
  if (!size.known()) fail(name + " is not known before the model runs");
  return size.size();
}

double Operation::number(const std::string& name) const {
  const Value given = value(name);
  if (const double* number = given.get<double>()) return *number;
  return static_cast<double>(integer(name));
}

bool Operation::flag(const std::string& name) const {
  const Value given = value(name);
  if (const bool* truth = given.get<bool>()) return *truth;
  fail(name + " is neither true nor false");
}

std::string Operation::text(const std::string& name) const {
  if (const auto* text = argument(name).get<std::string>()) return *text;
  fail(name + " is no text");
}

std::vector<std::int64_t> Operation::integers(const std::string& name) const {
  std::vector<std::int64_t> values;
  for (const tf::Dim& dim : dims(name)) {
    if (!dim.known()) fail(name + " is not known before the model runs");
    values.push_back(dim.size());
  }
  return values;
}

std::vector<double> Operation::numbers(const std::string& name) const {
  std::vector<double> values;
  for (const Value& member : list(name)) {
    if (const double* number = member.get<double>()) {
      values.push_back(*number);
    } else {
      values.push_back(static_cast<double>(to_dim(member, name).size()));
    }
  }
  return values;
}

tf::Dim Operation::to_dim(const Value& value, const std::string& name) const {
  if (const tf::Dim* dim = value.get<tf::Dim>()) return *dim;
  if (const bool* truth = value.get<bool>()) return tf::Dim(*truth ? 1 : 0);
  if (Forms* forms = value.forms(); forms != nullptr && tf::is_integer(forms->dtype())) return forms->plain();
  fail(name + " is no size");
}

tf::Dim Operation::dim(const std::string& name) const { return to_dim(value(name), name); }

tf::Dims Operation::dims(const std::string& name) const {
  const Value given = value(name);
  if (given.get<Value::List>() == nullptr) return {to_dim(given, name)};
  tf::Dims dims;
  for (const Value& member : *given.get<Value::List>()) dims.push_back(to_dim(member, name));
  return dims;
}

const TensorType& Operation::type_of_node(const std::string& node) const {
  const auto found = environment_.results.find(node);
  const TensorType* type = found == environment_.results.end() ? nullptr : tensor_type(found->second);
  if (type == nullptr) fail(node + " is no tensor");
  return *type;
}

bool Operation::is_tensor(const std::string& name) const {
  const std::string* node = node_name(name);
  const auto found = node == nullptr ? environment_.results.end() : environment_.results.find(*node);
  return found != environment_.results.end() && tensor_type(found->second) != nullptr;
}

const TensorType& Operation::type_of(const std::string& name) const {
  const std::string* node = node_name(name);
  if (node == nullptr) fail(name + " is no tensor");
  return type_of_node(*node);
}

tf::Dim Operation::size_of(const std::string& node, int axis) const {
  const program::Size& size = type_of_node(node).shape.at(static_cast<std::size_t>(axis));
  if (const auto* number = std::get_if<std::int64_t>(&size)) return *number;
  const auto symbol = environment_.symbols.find(std::get<std::string>(size));
  if (symbol != environment_.symbols.end()) return symbol->second;
  return tf::dims_of(forms_of_node(node).plain()).at(static_cast<std::size_t>(axis));
}

tf::Dim Operation::dim_of(const std::string& name, int axis) const {
  const int rank = rank_of(name);
  const int positive = axis < 0 ? axis + rank : axis;
  if (positive < 0 || positive >= rank) fail(name + " has no axis " + std::to_string(axis));
  return size_of(*node_name(name), positive);
}

tf::Dims Operation::dims_of(const std::string& name) const {
  tf::Dims dims;
  for (int i = 0; i < rank_of(name); ++i) dims.push_back(dim_of(name, i));
  return dims;
}

int Operation::axis(const std::string& name, const std::string& of) const {
  const std::int64_t rank = std::max(rank_of(of), 1);  // PyTorch takes 0 and -1 of a scalar
  const std::int64_t axis = integer(name);
  if (axis < -rank || axis >= rank) fail(of + " has no axis " + std::to_string(axis));
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

std::vector<int> Operation::axes(const std::string& name, const std::string& of) const {
  const int rank = rank_of(of);
  std::vector<int> axes;
  if (has(name)) {
    for (const std::int64_t axis : integers(name))
      axes.push_back(static_cast<int>(axis < 0 ? axis + std::max(rank, 1) : axis));
  }
  if (axes.empty()) {
    axes.resize(static_cast<std::size_t>(rank));
    std::iota(axes.begin(), axes.end(), 0);
  }
  if (rank == 0) axes.clear();
  for (const int axis : axes) {
    if (axis < 0 || axis >= rank) fail(of + " has no such axis");
  }
  return axes;
}

OperandType Operation::operand_type(const std::string& name) const {
  const Argument& given = argument(name);
  if (given.get<bool>()) return {tf::DataType::kBool, OperandClass::kNumber};
  if (given.get<std::int64_t>()) return {tf::DataType::kInt64, OperandClass::kNumber};
  if (given.get<double>()) return {tf::DataType::kFloat, OperandClass::kNumber};
  const std::string* node = node_name(name);
  if (node == nullptr) fail(name + " is neither a tensor nor a number");
  const program::Result& result = environment_.results.at(*node);
  if (const auto* symbol = std::get_if<SymbolType>(&result)) {
    const auto dtype = symbol->kind == SymbolType::Kind::kInt     ? tf::DataType::kInt64
                       : symbol->kind == SymbolType::Kind::kFloat ? tf::DataType::kFloat
                                                                  : tf::DataType::kBool;
    return {dtype, OperandClass::kNumber};
  }
  const TensorType& type = type_of_node(*node);
  return {type.dtype, type.shape.empty() ? OperandClass::kScalarTensor : OperandClass::kTensor};
}

tf::DataType Operation::promoted_type(const std::vector<std::string>& names) const {
  std::vector<OperandType> operands;
  for (const std::string& name : names) operands.push_back(operand_type(name));
  return promoted(operands);
}

const keras::Variable* Operation::variable(const std::string& name) const {
  const std::string* node = node_name(name);
  const auto found = node == nullptr ? environment_.variables.end() : environment_.variables.find(*node);
  return found == environment_.variables.end() ? nullptr : found->second;
}

const program::Node* Operation::node_behind(const std::string& name) const {
  const std::string* node = node_name(name);
  const auto found = node == nullptr ? environment_.nodes.end() : environment_.nodes.find(*node);
  return found == environment_.nodes.end() ? nullptr : found->second;
}

}  // namespace crossload::lowering

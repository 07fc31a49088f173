// A model of PyTorch as torch.export traced it: the operations in order, what they read, and where each came from.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "tensor/tensor_view.h"
#include "tf/data_type.h"

namespace crossload::program {

/// A number, or a symbol: "s1", or an expression of such, "2*s1 + 1", as PyTorch prints it.
using Size = std::variant<std::int64_t, std::string>;

/// A tensor that an operation gives, as PyTorch recorded it.
struct TensorType {
  tf::DataType dtype = tf::DataType::kFloat;
  std::vector<Size> shape;

  bool operator==(const TensorType&) const = default;
};

/// A size, or another number, that is known when the model runs.
struct SymbolType {
  enum class Kind { kInt, kFloat, kBool };
  Kind kind = Kind::kInt;
  std::string expression;

  bool operator==(const SymbolType&) const = default;
};

/// Nothing, one tensor, several (of which some may be left out), or a symbol.
using Result = std::variant<std::monostate, TensorType, std::vector<std::optional<TensorType>>, SymbolType>;

/// What another node gave.
struct NodeName {
  std::string name;
};

/// One argument of an operation.
struct Argument {
  using List = std::vector<Argument>;
  std::variant<std::monostate, bool, std::int64_t, double, std::string, tf::DataType, NodeName, List> value;

  bool is_none() const { return std::holds_alternative<std::monostate>(value); }
  /// Null for another kind.
  template <class T>
  const T* get() const {
    return std::get_if<T>(&value);
  }
};

struct Node {
  std::string name;
  std::string op;                        // "aten.linear.default"; "add" for an operator of Python on sizes
  std::map<std::string, Argument> args;  // by the names of the operation's schema, those with defaults too
  std::string module;                    // the path of the module that it belongs to
  Result result;
};

struct Input {
  std::string name;  // as forward has it
  std::string node;
  TensorType type;
};

/// A tensor that the model holds.
struct Parameter {
  std::string node;
  std::string name;  // in the module's state_dict, or of a constant
  TensorType type;
  std::string key;    // the tensor of the checkpoint that it is read from, as in the file; empty for none
  std::string value;  // without a key: the tensor of the program's file that holds it
  bool trainable = false;
  bool is_constant = false;  // a buffer that checkpoints lack, or what the code made: it stays in the graph
};

struct Output {
  std::string name;  // "logits", "hidden_states.0"
  std::string node;
};

/// What a call of a module returned.
struct Stage {
  std::string path;
  int call = 0;
  std::string class_name;
  std::string source;  // "modeling_llama.py:301"
  std::string caller;  // the path of the module that made the call; empty for the model itself
  std::vector<std::string> nodes;
};

/// An axis that has one size alone, though others were asked for.
struct FrozenAxis {
  std::string input;
  std::int64_t axis = 0;
  std::int64_t size = 0;
};

/// An input of PyTorch's that is a constant of the program, since the model takes its way by its numbers.
struct HeldInput {
  std::string name;
  std::string value;  // "[[1,4,4],[1,4,6]]"
};

/// A truth by which the model takes its way, decided as it was when it was traced. The program holds where it is so.
struct Check {
  std::string node;     // a bool that is true then
  std::string message;  // what a call is told for which it is not
};

struct Program {
  std::string class_name;
  std::string model_type;
  std::string source;  // "modeling_llama.py:400"
  std::vector<Input> inputs;
  std::vector<FrozenAxis> frozen;
  std::vector<HeldInput> held;
  std::vector<Check> checks;
  std::vector<Parameter> parameters;
  std::vector<std::pair<std::string, std::string>> aside;  // tensors of the checkpoint that are not read, and why
  std::vector<Node> nodes;                                 // in the order of execution
  std::vector<Output> outputs;
  std::vector<Stage> stages;  // in the order in which they returned
  /// What the file holds besides: "constant.<name>", "weight.<name>".
  std::map<std::string, tensor::TensorView> tensors;
  std::filesystem::path file;
};

/// Reads what tools/record_reference.py --program wrote, and checks that it is whole: every name that is read was given
/// before. Throws Error(kBadInput). docs/program.md describes the format.
Program read_program(const std::filesystem::path& file);
/// The same of its JSON, for `where` in errors.
Program parse_program(const std::string& json, const std::string& where,
                      std::map<std::string, tensor::TensorView> tensors);

}  // namespace crossload::program

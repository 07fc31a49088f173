#include "export/saved_model_functions.h"

#include <algorithm>
#include <map>
#include <protozero/pbf_reader.hpp>
#include <set>
#include <utility>

#include "crossload/error.h"
#include "export/compact_function.h"
#include "export/function_def.h"
#include "tf/shape_proto.h"

namespace crossload::exporting {
namespace {

using protozero::pbf_reader;

/// Structured values are nested no deeper than people nest arguments.
constexpr int kMaxDepth = 64;

/// What an object graph's node is to us.
struct Object {
  std::vector<std::pair<std::string, std::int32_t>> children;
  std::vector<std::string> functions;  // of a function object, or the one of a signature
};

/// The types of a function's arguments and results in the library.
struct Declaration {
  std::vector<int> inputs;
  std::vector<int> outputs;
  protozero::data_view definition;
};

/// Leaves of a structured value in the order in which tf.nest flattens: dictionaries by their keys.
struct Leaves {
  std::vector<FunctionTensor> tensors;
  bool any_true = false;
};

std::vector<std::pair<std::string, pbf_reader>> read_map(pbf_reader map, protozero::pbf_tag_type field) {
  std::vector<std::pair<std::string, pbf_reader>> entries;
  while (map.next(field)) {
    pbf_reader entry = map.get_message();
    std::string key;
    pbf_reader value;
    while (entry.next()) {
      if (entry.tag() == 1) {
        key = entry.get_string();
      } else if (entry.tag() == 2) {
        value = entry.get_message();
      } else {
        entry.skip();
      }
    }
    entries.emplace_back(key, value);
  }
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return entries;
}

FunctionTensor read_tensor_spec(pbf_reader spec) {
  FunctionTensor tensor;
  while (spec.next()) {
    switch (spec.tag()) {
      case 1:
        tensor.name = spec.get_string();
        break;
      case 2:
        tensor.shape = tf::parse_shape_proto(spec.get_string(), &tensor.has_rank);
        break;
      case 3:
        tensor.dtype = spec.get_enum();
        break;
      default:
        spec.skip();
    }
  }
  return tensor;
}

/// Adds the leaves of a StructuredValue; `name` is its place: the key in a dictionary, "key.0" in a list below it.
void read_leaves(pbf_reader value, const std::string& name, int depth, const std::string& where, Leaves* leaves) {
  if (depth > kMaxDepth) throw Error(ErrorKind::kBadInput, where + ": a signature is nested too deeply");
  const auto below = [&](const std::string& key) { return name.empty() ? key : name + "." + key; };
  while (value.next()) {
    switch (value.tag()) {
      case 14:
        leaves->any_true = value.get_bool() || leaves->any_true;
        break;
      case 33:
      case 35: {  // a TensorSpec, or a BoundedTensorSpec, whose first fields are the same
        FunctionTensor tensor = read_tensor_spec(value.get_message());
        if (!name.empty()) tensor.name = name;
        leaves->tensors.push_back(std::move(tensor));
        break;
      }
      case 51:
      case 52: {  // a list or a tuple
        pbf_reader items = value.get_message();
        for (int i = 0; items.next(1); ++i) {
          const bool is_argument = depth < 2 && name.empty();  // (args, kwargs), and the arguments
          read_leaves(items.get_message(), is_argument ? "" : below(std::to_string(i)), depth + 1, where, leaves);
        }
        break;
      }
      case 53:
        for (const auto& [key, member] : read_map(value.get_message(), 1)) {
          read_leaves(member, below(key), depth + 1, where, leaves);
        }
        break;
      case 54: {  // a named tuple keeps its order
        pbf_reader tuple = value.get_message();
        while (tuple.next(2)) {
          pbf_reader pair = tuple.get_message();
          std::string key;
          while (pair.next()) {
            if (pair.tag() == 1) {
              key = pair.get_string();
            } else if (pair.tag() == 2) {
              read_leaves(pair.get_message(), below(key), depth + 1, where, leaves);
            } else {
              pair.skip();
            }
          }
        }
        break;
      }
      default:
        value.skip();
    }
  }
}

Object read_object(pbf_reader node) {
  Object object;
  while (node.next()) {
    if (node.tag() == 1) {
      pbf_reader child = node.get_message();
      std::pair<std::string, std::int32_t> entry;
      while (child.next()) {
        if (child.tag() == 1) {
          entry.second = child.get_int32();
        } else if (child.tag() == 2) {
          entry.first = child.get_string();
        } else {
          child.skip();
        }
      }
      object.children.push_back(std::move(entry));
    } else if (node.tag() == 6 || node.tag() == 8) {
      pbf_reader function = node.get_message();
      while (function.next()) {
        if (function.tag() == 1) {
          object.functions.push_back(function.get_string());
        } else {
          function.skip();
        }
      }
    } else {
      node.skip();
    }
  }
  return object;
}

SavedFunction read_concrete(pbf_reader concrete, const std::string& where) {
  SavedFunction function;
  while (concrete.next()) {
    switch (concrete.tag()) {
      case 2:
        for (const std::int32_t node : concrete.get_packed_int32()) function.captures.push_back(node);
        break;
      case 3: {
        Leaves leaves;
        read_leaves(concrete.get_message(), "", 0, where, &leaves);
        function.inputs = std::move(leaves.tensors);
        function.training = leaves.any_true;
        break;
      }
      case 4: {
        Leaves leaves;
        read_leaves(concrete.get_message(), "", kMaxDepth / 2, where, &leaves);
        function.outputs = std::move(leaves.tensors);
        break;
      }
      default:
        concrete.skip();
    }
  }
  return function;
}

int read_type(pbf_reader argument) {
  int type = 0;
  while (argument.next()) {
    if (argument.tag() == 3) {
      type = argument.get_enum();
    } else {
      argument.skip();
    }
  }
  return type;
}

std::map<std::string, Declaration> read_library(pbf_reader graph_def) {
  std::map<std::string, Declaration> library;
  while (graph_def.next(2)) {
    pbf_reader functions = graph_def.get_message();
    while (functions.next(1)) {
      const protozero::data_view definition = functions.get_view();
      pbf_reader function(definition);
      if (!function.next(1)) continue;
      pbf_reader signature = function.get_message();
      std::string name;
      Declaration declaration{{}, {}, definition};
      while (signature.next()) {
        if (signature.tag() == 1) {
          name = signature.get_string();
        } else if (signature.tag() == 2) {
          declaration.inputs.push_back(read_type(signature.get_message()));
        } else if (signature.tag() == 3) {
          declaration.outputs.push_back(read_type(signature.get_message()));
        } else {
          signature.skip();
        }
      }
      library.emplace(name, std::move(declaration));
    }
  }
  return library;
}

std::string label_of(const std::string& method, const SavedFunction& function) {
  std::string arguments;
  for (const FunctionTensor& input : function.inputs) arguments += (arguments.empty() ? "" : ", ") + input.name;
  if (function.training) arguments += arguments.empty() ? "training=True" : ", training=True";
  return method + "(" + arguments + ")";
}

/// What Keras saves of its own beside `__call__`.
bool is_of_keras(const std::string& method) {
  return method.starts_with("_") || method.starts_with("call_and_return_");
}

class Reader {
 public:
  explicit Reader(std::string where) : where_(std::move(where)) {}

  std::vector<SavedFunction> read(pbf_reader meta_graph) {
    std::map<std::string, Declaration> library;
    while (meta_graph.next()) {
      if (meta_graph.tag() == 2) {
        library = read_library(meta_graph.get_message());
      } else if (meta_graph.tag() == 7) {
        read_objects(meta_graph.get_message());
      } else {
        meta_graph.skip();
      }
    }
    if (objects_.empty()) fail("has no object graph; it is of TensorFlow 1, or cut off");
    std::vector<SavedFunction> functions;
    std::set<std::int32_t> read;  // a function may be there under a second name
    for (const auto& [name, node] : objects_.front().children) {
      if (!read.insert(node).second) continue;
      if (name == "signatures") {
        for (const auto& [signature, child] : object(node).children) add(signature, object(child), true, &functions);
      } else if (name == "__call__" || !is_of_keras(name)) {
        add(name, object(node), false, &functions);
      }
    }
    for (SavedFunction& function : functions) declare(library, &function);
    return functions;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw Error(ErrorKind::kBadInput, where_ + ": " + what); }

  void read_objects(pbf_reader graph) {
    while (graph.next()) {
      if (graph.tag() == 1) {
        objects_.push_back(read_object(graph.get_message()));
      } else if (graph.tag() == 2) {
        pbf_reader entry = graph.get_message();
        std::string name;
        while (entry.next()) {
          if (entry.tag() == 1) {
            name = entry.get_string();
          } else if (entry.tag() == 2) {
            concrete_[name] = entry.get_message();
          } else {
            entry.skip();
          }
        }
      } else {
        graph.skip();
      }
    }
  }

  const Object& object(std::int32_t node) const {
    if (node < 0 || static_cast<std::size_t>(node) >= objects_.size()) {
      fail("its object graph names node " + std::to_string(node) + " of " + std::to_string(objects_.size()));
    }
    return objects_[static_cast<std::size_t>(node)];
  }

  void add(const std::string& method, const Object& holder, bool is_signature,
           std::vector<SavedFunction>* functions) const {
    for (const std::string& name : holder.functions) {
      const auto concrete = concrete_.find(name);
      if (concrete == concrete_.end()) fail("names the function " + name + " and does not describe it");
      SavedFunction function = read_concrete(concrete->second, where_);
      function.name = name;
      function.is_signature = is_signature;
      function.label = is_signature ? method : label_of(method, function);
      functions->push_back(std::move(function));
    }
  }

  void declare(const std::map<std::string, Declaration>& library, SavedFunction* function) const {
    const auto declaration = library.find(function->name);
    if (declaration == library.end()) fail("its library lacks the function " + function->name);
    function->input_types = declaration->second.inputs;
    function->output_types = declaration->second.outputs;
    function->computation =
        computation_of({declaration->second.definition.data(), declaration->second.definition.size()});
    if (function->inputs.size() + function->captures.size() != function->input_types.size() ||
        function->outputs.size() != function->output_types.size()) {
      fail("describes the function " + function->name + " with other arguments or results than its library");
    }
  }

  std::string where_;
  std::vector<Object> objects_;
  std::map<std::string, pbf_reader> concrete_;
};

}  // namespace

std::vector<SavedFunction> read_saved_functions(const std::string& meta_graph_def, const std::string& where) {
  try {
    return Reader(where).read(pbf_reader(meta_graph_def));
  } catch (const protozero::exception& error) {
    throw Error(ErrorKind::kBadInput, where + ": its MetaGraphDef cannot be read: " + error.what());
  }
}

}  // namespace crossload::exporting

#include "export/saved_model_proto.h"

#include <algorithm>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>
#include <set>

#include "crossload/error.h"
#include "export/function_def.h"
#include "export/variable_names.h"
#include "tf/shape_proto.h"

namespace crossload::exporting {
namespace {

using protozero::pbf_writer;

constexpr int kSaverV2 = 2;

// The nodes of the object graph, in this order; the variables follow, then the signature's function.
enum Node : std::int32_t { kRoot, kVariables, kTrainable, kLosses, kCall, kSignatures, kFirstVariable };

std::int32_t variable_node(std::size_t index) { return kFirstVariable + static_cast<std::int32_t>(index); }

/// A variable's name without ":0", as Python's `variable._shared_name`.
std::string shared_name(const keras::Variable& variable, const std::string& scope) {
  const std::string full = full_name(scope, variable.name);
  return full.substr(0, full.rfind(':'));
}

template <class Fill>
std::string message(const Fill& fill) {
  std::string bytes;
  pbf_writer writer(bytes);
  fill(&writer);
  return bytes;
}

void add_map_entry(pbf_writer* writer, int field, const std::string& key, const std::string& value) {
  pbf_writer entry(*writer, static_cast<protozero::pbf_tag_type>(field));
  entry.add_string(1, key);
  entry.add_message(2, value);
}

// StructuredValue (struct.proto): the shape of arguments and results.

std::string none_value() {
  return message([](pbf_writer* w) { w->add_message(1, std::string()); });
}
std::string text_value(const std::string& text) {
  return message([&](pbf_writer* w) { w->add_string(13, text); });
}
std::string bool_value(bool value) {
  return message([&](pbf_writer* w) { w->add_bool(14, value); });
}
std::string tensor_value(const std::string& name, const TensorSpec& tensor) {
  return message([&](pbf_writer* w) {
    pbf_writer spec(*w, 33);
    spec.add_string(1, name);
    spec.add_message(2, tf::shape_proto(tensor.shape));
    spec.add_enum(3, static_cast<int>(tensor.dtype));
  });
}
/// field 51 is a list, 52 a tuple
std::string sequence_value(int field, const std::vector<std::string>& values) {
  const std::string inner = message([&](pbf_writer* w) {
    for (const std::string& value : values) w->add_message(1, value);
  });
  return message([&](pbf_writer* w) { w->add_message(static_cast<protozero::pbf_tag_type>(field), inner); });
}
std::string list_value(const std::vector<std::string>& values) { return sequence_value(51, values); }
std::string tuple_value(const std::vector<std::string>& values) { return sequence_value(52, values); }
std::string dict_value(const std::vector<std::pair<std::string, std::string>>& fields) {
  const std::string inner = message([&](pbf_writer* w) {
    for (const auto& [key, value] : fields) add_map_entry(w, 1, key, value);
  });
  return message([&](pbf_writer* w) { w->add_message(53, inner); });
}

std::string inputs_value(const keras::Signature& inputs) {
  std::vector<std::pair<std::string, std::string>> fields;
  for (const keras::InputSpec& input : inputs) {
    fields.emplace_back(input.name, tensor_value(input.name, {input.dtype, input.shape}));
  }
  return dict_value(fields);
}

/// The names that `__call__` has keywords for.
std::set<std::string> keywords_of(const SavedModelGraph& graph) {
  std::set<std::string> names;
  for (const ConcreteFunction& call : graph.calls) {
    for (const keras::InputSpec& input : call.inputs) names.insert(input.name);
  }
  return names;
}

/// The name of an argument that no keyword has: some models call an input so, as Perceiver its `inputs`.
std::string unlike(std::string name, const std::set<std::string>& keywords) {
  while (keywords.contains(name)) name += "_";
  return name;
}

/// Every keyword, None where it is not among the inputs.
std::string keywords_value(const std::set<std::string>& names, const keras::Signature& inputs) {
  std::vector<std::pair<std::string, std::string>> fields;
  for (const std::string& name : names) {
    const auto input = std::ranges::find(inputs, name, &keras::InputSpec::name);
    fields.emplace_back(name, input == inputs.end() ? none_value() : tensor_value(name, {input->dtype, input->shape}));
  }
  return dict_value(fields);
}

std::string outputs_value(const std::vector<OutputSpec>& outputs) {
  std::vector<std::pair<std::string, std::string>> fields;
  for (const OutputSpec& output : outputs) {
    if (!output.is_list) {
      fields.emplace_back(output.name, tensor_value(output.name, output.tensors.front()));
      continue;
    }
    std::vector<std::string> items;
    for (std::size_t i = 0; i < output.tensors.size(); ++i) {
      items.push_back(tensor_value(output.name + "_" + std::to_string(i), output.tensors[i]));
    }
    fields.emplace_back(output.name, tuple_value(items));
  }
  return dict_value(fields);
}

/// FunctionSpec: Python's inspect.FullArgSpec of a function.
std::string function_spec(const std::vector<std::string>& arguments, const std::string& defaults,
                          const std::vector<std::string>& keywords, const std::string& keyword_defaults) {
  std::vector<std::string> argument_values;
  std::vector<std::string> keyword_values;
  for (const std::string& name : arguments) argument_values.push_back(text_value(name));
  for (const std::string& name : keywords) keyword_values.push_back(text_value(name));
  const std::vector<std::pair<std::string, std::string>> fields = {
      {"args", list_value(argument_values)},
      {"varargs", none_value()},
      {"varkw", none_value()},
      {"defaults", defaults},
      {"kwonlyargs", list_value(keyword_values)},
      {"kwonlydefaults", keyword_defaults},
      {"annotations", dict_value({})},
  };
  const std::string named_tuple = message([&](pbf_writer* w) {
    w->add_string(1, "FullArgSpec");
    for (const auto& [key, value] : fields) add_map_entry(w, 2, key, value);
  });
  return message([&](pbf_writer* w) {
    w->add_message(1, message([&](pbf_writer* value) { value->add_message(54, named_tuple); }));
    w->add_message(5, none_value());
  });
}

// SavedObject (saved_object_graph.proto)

std::string user_object(const std::string& identifier) {
  return message([&](pbf_writer* w) {
    w->add_string(1, identifier);
    pbf_writer version(*w, 2);
    version.add_int32(1, 1);  // producer
    version.add_int32(2, 1);  // min_consumer
  });
}

using Children = std::vector<std::pair<std::string, std::int32_t>>;

void add_children(pbf_writer* object, const Children& children) {
  for (const auto& [name, node] : children) {
    pbf_writer child(*object, 1);
    child.add_int32(1, node);
    child.add_string(2, name);
  }
}

Children root_children() {
  return {{"variables", kVariables},
          {"trainable_variables", kTrainable},
          {"regularization_losses", kLosses},
          {"__call__", kCall},
          {"serve", kCall},
          {"signatures", kSignatures}};
}

Children variable_children(const keras::Weights& weights, bool only_trainable) {
  Children children;
  for (std::size_t i = 0; i < weights.variables().size(); ++i) {
    if (only_trainable && !weights.variables()[i].trainable) continue;
    children.emplace_back(std::to_string(children.size()), variable_node(i));
  }
  return children;
}

/// serving_default is the node after the variables, and the others follow.
Children signature_children(const SavedModelGraph& graph, const keras::Weights& weights) {
  std::size_t node = weights.variables().size();
  Children children = {{"serving_default", variable_node(node)}};
  for (const Signature& signature : graph.own_signatures) children.emplace_back(signature.name, variable_node(++node));
  return children;
}

void add_user_object(pbf_writer* nodes, const std::string& identifier, const Children& children) {
  pbf_writer object(*nodes, 1);
  add_children(&object, children);
  object.add_message(4, user_object(identifier));
}

void add_call(pbf_writer* nodes, const SavedModelGraph& graph) {
  pbf_writer object(*nodes, 1);
  pbf_writer function(object, 6);
  for (const ConcreteFunction& call : graph.calls) function.add_string(1, call.name);
  const std::set<std::string> names = keywords_of(graph);
  const std::vector<std::string> arguments = {unlike("inputs", names), unlike("training", names)};
  function.add_message(2, function_spec(arguments, tuple_value({none_value(), bool_value(false)}),
                                        {names.begin(), names.end()}, keywords_value(names, {})));
}

void add_variable(pbf_writer* nodes, const keras::Variable& variable, const std::string& scope) {
  pbf_writer object(*nodes, 1);
  pbf_writer saved(object, 7);
  saved.add_enum(1, static_cast<int>(dtype_of(variable)));
  saved.add_message(2, tf::shape_proto(variable.shape));
  saved.add_bool(3, variable.trainable);
  saved.add_string(6, shared_name(variable, scope));
}

void add_signature_function(pbf_writer* nodes, const ConcreteFunction& serving) {
  std::vector<std::string> keywords;
  for (const keras::InputSpec& input : serving.inputs) keywords.push_back(input.name);
  pbf_writer object(*nodes, 1);
  pbf_writer function(object, 8);
  function.add_string(1, serving.name);
  for (const std::string& keyword : keywords) function.add_string(2, keyword);
  function.add_message(4, function_spec({}, none_value(), keywords, none_value()));
}

std::string concrete_function(const ConcreteFunction& function, const std::string& input_signature,
                              const keras::Weights& weights) {
  return message([&](pbf_writer* w) {
    std::vector<std::int32_t> bound;
    for (std::size_t i = 0; i < weights.variables().size(); ++i) bound.push_back(variable_node(i));
    w->add_packed_int32(2, bound.begin(), bound.end());
    w->add_message(3, input_signature);
    w->add_message(4, outputs_value(function.outputs));
  });
}

std::string object_graph(const SavedModelGraph& graph, const keras::Weights& weights, const std::string& scope) {
  return message([&](pbf_writer* w) {
    add_user_object(w, "_generic_user_object", root_children());
    add_user_object(w, "trackable_list_wrapper", variable_children(weights, /*only_trainable=*/false));
    add_user_object(w, "trackable_list_wrapper", variable_children(weights, /*only_trainable=*/true));
    add_user_object(w, "trackable_list_wrapper", {});
    add_call(w, graph);
    add_user_object(w, "signature_map", signature_children(graph, weights));
    for (const keras::Variable& variable : weights.variables()) add_variable(w, variable, scope);
    add_signature_function(w, graph.serving);
    for (const Signature& signature : graph.own_signatures) add_signature_function(w, signature.function);
    const std::set<std::string> names = keywords_of(graph);
    for (const ConcreteFunction& call : graph.calls) {
      const std::string inputs = call.by_keyword ? none_value() : inputs_value(call.inputs);
      const std::string arguments = tuple_value({inputs, bool_value(call.training)});
      const std::string keywords = keywords_value(names, call.by_keyword ? call.inputs : keras::Signature());
      add_map_entry(w, 2, call.name, concrete_function(call, tuple_value({arguments, keywords}), weights));
    }
    const auto add_signature = [&](const ConcreteFunction& function) {
      const std::string keywords = inputs_value(function.inputs);
      add_map_entry(w, 2, function.name,
                    concrete_function(function, tuple_value({tuple_value({}), keywords}), weights));
    };
    add_signature(graph.serving);
    for (const Signature& signature : graph.own_signatures) add_signature(signature.function);
  });
}

// MetaGraphDef (meta_graph.proto)

std::string tensor_info(const std::string& name, int dtype, const std::string& shape) {
  return message([&](pbf_writer* w) {
    w->add_string(1, name);
    w->add_enum(2, dtype);
    w->add_message(3, shape);
  });
}

std::string signature_def(const ConcreteFunction& serving, const std::string& input_prefix, const std::string& node) {
  return message([&](pbf_writer* w) {
    for (const keras::InputSpec& input : serving.inputs) {
      add_map_entry(
          w, 1, input.name,
          tensor_info(input_prefix + input.name + ":0", static_cast<int>(input.dtype), tf::shape_proto(input.shape)));
    }
    for (std::size_t i = 0; i < serving.outputs.size(); ++i) {
      const OutputSpec& output = serving.outputs[i];
      add_map_entry(w, 2, output.name,
                    tensor_info(node + ":" + std::to_string(i), static_cast<int>(output.tensors.front().dtype),
                                tf::shape_proto(output.tensors.front().shape)));
    }
    w->add_string(3, "tensorflow/serving/predict");
  });
}

std::string init_signature() {
  const std::string unknown_rank = message([](pbf_writer* w) { w->add_bool(3, true); });
  return message([&](pbf_writer* w) {
    add_map_entry(w, 2, "__saved_model_init_op", tensor_info(kInitNode, /*dtype=*/0, unknown_rank));
  });
}

std::string meta_info(const std::string& tensorflow_version) {
  return message([&](pbf_writer* w) {
    w->add_string(4, "serve");
    w->add_string(5, tensorflow_version);
    w->add_bool(7, true);  // attributes that have their defaults are left out
  });
}

std::string saver_def() {
  return message([](pbf_writer* w) {
    w->add_string(1, std::string(kSaverFilename) + ":0");
    w->add_string(2, std::string(kSaveNode) + ":0");
    w->add_string(3, kRestoreNode);
    w->add_enum(7, kSaverV2);
  });
}

}  // namespace

std::string saved_model_proto(const SavedModelGraph& graph, const keras::Weights& weights, const std::string& scope,
                              const std::string& tensorflow_version) {
  const std::string init_collection = message([](pbf_writer* w) {
    pbf_writer nodes(*w, 1);
    nodes.add_string(1, kInitNode);
  });
  const std::string meta_graph = message([&](pbf_writer* w) {
    w->add_message(1, meta_info(tensorflow_version));
    w->add_message(2, graph.graph_def);
    w->add_message(3, saver_def());
    add_map_entry(w, 4, "saved_model_main_op", init_collection);
    add_map_entry(w, 5, "serving_default", signature_def(graph.serving, kServingInputPrefix, kServingNode));
    for (const Signature& signature : graph.own_signatures) {
      add_map_entry(w, 5, signature.name,
                    signature_def(signature.function, signature.input_prefix(), signature.node()));
    }
    add_map_entry(w, 5, "__saved_model_init_op", init_signature());
    w->add_message(7, object_graph(graph, weights, scope));
  });
  return message([&](pbf_writer* w) {
    w->add_int64(1, 1);  // saved_model_schema_version
    w->add_message(2, meta_graph);
  });
}

std::string trackable_object_graph(const SavedModelGraph& graph, const keras::Weights& weights,
                                   const std::string& scope) {
  // The same nodes as in the object graph of saved_model.pb.
  return message([&](pbf_writer* w) {
    // As bytes: protozero drops a nested message that stays empty, and an empty node is a node.
    const auto add_node = [&](const Children& children) {
      w->add_message(1, message([&](pbf_writer* node) { add_children(node, children); }));
    };
    add_node(root_children());
    add_node(variable_children(weights, /*only_trainable=*/false));
    add_node(variable_children(weights, /*only_trainable=*/true));
    add_node({});
    add_node({});
    add_node(signature_children(graph, weights));
    for (std::size_t i = 0; i < weights.variables().size(); ++i) {
      pbf_writer node(*w, 1);
      pbf_writer attribute(node, 2);
      attribute.add_string(1, "VARIABLE_VALUE");
      attribute.add_string(2, shared_name(weights.variables()[i], scope));
      attribute.add_string(3, variable_checkpoint_key(i));
    }
    add_node({});
    for (std::size_t i = 0; i < graph.own_signatures.size(); ++i) add_node({});
  });
}

namespace {

/// Reads {name: TensorInfo} entries: the name and the node of one.
void read_tensor_info(protozero::pbf_reader entry, std::map<std::string, std::string>* into) {
  std::string name;
  std::string node;
  while (entry.next()) {
    if (entry.tag() == 1) {
      name = entry.get_string();
    } else if (entry.tag() == 2) {
      protozero::pbf_reader info = entry.get_message();
      while (info.next()) {
        if (info.tag() == 1) {
          node = info.get_string();
        } else {
          info.skip();
        }
      }
    } else {
      entry.skip();
    }
  }
  (*into)[name] = node;
}

ServingSignature read_signature_def(protozero::pbf_reader definition) {
  ServingSignature signature;
  while (definition.next()) {
    if (definition.tag() == 1) {
      read_tensor_info(definition.get_message(), &signature.inputs);
    } else if (definition.tag() == 2) {
      read_tensor_info(definition.get_message(), &signature.outputs);
    } else {
      definition.skip();
    }
  }
  return signature;
}

}  // namespace

ServingSignature read_serving_signature(const std::string& meta_graph_def, const std::string& where) {
  try {
    protozero::pbf_reader meta_graph(meta_graph_def);
    while (meta_graph.next(5)) {
      protozero::pbf_reader entry = meta_graph.get_message();
      std::string key;
      while (entry.next()) {
        if (entry.tag() == 1) {
          key = entry.get_string();
        } else if (entry.tag() == 2 && key == "serving_default") {
          return read_signature_def(entry.get_message());
        } else {
          entry.skip();
        }
      }
    }
  } catch (const protozero::exception& error) {
    throw Error(ErrorKind::kBadInput, where + ": its MetaGraphDef cannot be read: " + error.what());
  }
  throw Error(ErrorKind::kBadInput, where + ": has no signature serving_default");
}

}  // namespace crossload::exporting

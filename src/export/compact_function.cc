#include "export/compact_function.h"

#include <algorithm>
#include <array>
#include <map>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>
#include <set>
#include <span>
#include <string_view>
#include <vector>

namespace crossload::exporting {
namespace {

// Numbers of fields, from tensorflow/core/framework/{function,graph,node_def,op_def}.proto.
constexpr protozero::pbf_tag_type kFunctionSignature = 1;
constexpr protozero::pbf_tag_type kFunctionNode = 3;
constexpr protozero::pbf_tag_type kFunctionResult = 4;
constexpr protozero::pbf_tag_type kFunctionControlResult = 6;
constexpr protozero::pbf_tag_type kGraphNode = 1;
constexpr protozero::pbf_tag_type kNodeName = 1;
constexpr protozero::pbf_tag_type kNodeOp = 2;
constexpr protozero::pbf_tag_type kNodeInput = 3;
constexpr protozero::pbf_tag_type kNodeAttribute = 5;
constexpr protozero::pbf_tag_type kOpDefName = 1;
constexpr protozero::pbf_tag_type kOpDefInputArg = 2;
constexpr protozero::pbf_tag_type kArgDefName = 1;
constexpr int kLetters = 26;

/// Of equal ones the first serves all: they have no state.
constexpr std::array<std::string_view, 4> kMergeable = {"Const", "Pack", "Shape", "StridedSlice"};
/// What fails when an input has the wrong size, or other numbers than a model is traced for.
constexpr std::array<std::string_view, 8> kNamed = {"Assert",   "BatchMatMulV2", "Conv2D",         "Einsum",
                                                    "GatherV2", "MatMul",        "ResourceGather", "Softmax"};

bool is_one_of(std::span<const std::string_view> ops, const std::string& op) {
  return std::find(ops.begin(), ops.end(), op) != ops.end();
}

// AttrValue: {5: false}, {3: 0}, {2: ""}
constexpr std::string_view kFalse("\x28\x00", 2);
constexpr std::string_view kZero("\x18\x00", 2);
constexpr std::string_view kNoText("\x12\x00", 2);

struct AttributeDefault {
  std::string_view name;
  std::string_view value;
};

/// Of whatever operation has them.
constexpr AttributeDefault kDefaults[] = {
    {"adj_x", kFalse},         {"adj_y", kFalse},          {"begin_mask", kZero},    {"config", kNoText},
    {"config_proto", kNoText}, {"container", kNoText},     {"debug_name", kNoText},  {"ellipsis_mask", kZero},
    {"end_mask", kZero},       {"executor_type", kNoText}, {"grad_a", kFalse},       {"grad_b", kFalse},
    {"grad_x", kFalse},        {"grad_y", kFalse},         {"new_axis_mask", kZero}, {"shrink_axis_mask", kZero},
    {"transpose_a", kFalse},   {"transpose_b", kFalse},    {"Truncate", kFalse},     {"validate_shape", kFalse},
};

/// An entry of a node's map of attributes.
bool is_default(protozero::pbf_reader entry) {
  std::string name;
  std::string value;
  while (entry.next()) (entry.tag() == 1 ? name : value) = entry.get_string();
  return std::ranges::any_of(kDefaults, [&](const auto& one) { return one.name == name && one.value == value; });
}

struct Node {
  std::string name;
  std::string op;
  std::vector<std::string> inputs;
  std::vector<std::string> attributes;  // serialized map entries, sorted
  std::string rest;                     // its other fields

  std::string key() const {
    std::string key = op;
    for (const auto* texts : {&inputs, &attributes}) {
      key += '\0';
      for (const std::string& text : *texts) key += std::to_string(text.size()) + ":" + text;
    }
    return key + '\0' + rest;
  }
};

Node read_node(protozero::pbf_reader reader) {
  Node node;
  protozero::pbf_writer rest(node.rest);
  while (reader.next()) {
    const protozero::pbf_tag_type tag = reader.tag();
    if (reader.wire_type() != protozero::pbf_wire_type::length_delimited) {
      reader.skip();  // NodeDef has none
    } else if (tag == kNodeName) {
      node.name = reader.get_string();
    } else if (tag == kNodeOp) {
      node.op = reader.get_string();
    } else if (tag == kNodeInput) {
      node.inputs.push_back(reader.get_string());
    } else if (tag == kNodeAttribute) {
      const protozero::data_view entry = reader.get_view();
      if (!is_default(protozero::pbf_reader(entry))) node.attributes.emplace_back(entry.data(), entry.size());
    } else {
      rest.add_bytes(tag, reader.get_view());
    }
  }
  std::sort(node.attributes.begin(), node.attributes.end());
  return node;
}

std::string written(const Node& node) {
  std::string bytes;
  protozero::pbf_writer writer(bytes);
  writer.add_string(kNodeName, node.name);
  writer.add_string(kNodeOp, node.op);
  for (const std::string& input : node.inputs) writer.add_string(kNodeInput, input);
  for (const std::string& attribute : node.attributes) writer.add_bytes(kNodeAttribute, attribute);
  return bytes + node.rest;
}

/// The node of "node:output:0", or of "^node".
std::string_view node_of(std::string_view input) {
  if (input.starts_with('^')) input.remove_prefix(1);
  return input.substr(0, input.find(':'));
}

class Compactor {
 public:
  Compactor(const std::string& function_def, std::string prefix)
      : function_def_(function_def), prefix_(std::move(prefix)) {
    protozero::pbf_reader reader(function_def_);
    while (reader.next()) {
      if (reader.tag() == kFunctionSignature) {
        read_arguments(reader.get_message());
      } else if (reader.tag() == kFunctionNode) {
        nodes_.push_back(read_node(reader.get_message()));
      } else {
        reader.skip();
      }
    }
  }

  std::string run() {
    rename();
    std::string result;
    protozero::pbf_writer writer(result);
    protozero::pbf_reader reader(function_def_);
    while (reader.next()) {
      const protozero::pbf_tag_type tag = reader.tag();
      if (tag == kFunctionNode) {
        reader.skip();
      } else if (tag == kFunctionResult || tag == kFunctionControlResult) {
        writer.add_message(tag, renamed_result(reader.get_message()));
      } else {
        writer.add_bytes(tag, reader.get_view());  // all fields of a FunctionDef are messages
      }
    }
    for (const Node& node : kept_) writer.add_message(kFunctionNode, written(node));
    return result;
  }

  /// After run().
  CompactNodes nodes() const {
    CompactNodes nodes{{}, names_};
    for (const Node& node : kept_) nodes.order.push_back(node.name);
    return nodes;
  }

 private:
  void read_arguments(protozero::pbf_reader signature) {
    while (signature.next(kOpDefInputArg)) {
      protozero::pbf_reader argument = signature.get_message();
      while (argument.next(kArgDefName)) taken_.insert(argument.get_string());
    }
  }

  /// "na", "nb", ..., "nz", "nba" with the prefix "n": without digits, which LiteRT's converter puts behind names to tell tensors apart.
  std::string short_name() {
    std::string name;
    do {
      name.clear();
      for (int rest = count_++; name.empty() || rest > 0; rest /= kLetters)
        name.insert(name.begin(), static_cast<char>('a' + rest % kLetters));
      name.insert(0, prefix_);
    } while (taken_.contains(name));
    return name;
  }

  /// `text` with the new name of the node that it begins with.
  std::string renamed(const std::string& text) const {
    const std::string_view node = node_of(text);
    const auto found = names_.find(node);
    if (found == names_.end()) return text;  // an argument
    const std::size_t begin = text.starts_with('^') ? 1 : 0;
    return text.substr(0, begin) + found->second + text.substr(begin + node.size());
  }

  void rename() {
    for (const Node& node : nodes_) {
      if (is_one_of(kNamed, node.op)) taken_.insert(node.name);
    }
    // A node comes after those that it reads; one that does not, because of a loop, is read by its own name.
    std::set<std::string, std::less<>> read_early;
    std::set<std::string, std::less<>> seen;
    for (const Node& node : nodes_) {
      for (const std::string& input : node.inputs) {
        if (!seen.contains(node_of(input))) read_early.insert(std::string(node_of(input)));
      }
      seen.insert(node.name);
    }
    taken_.insert(read_early.begin(), read_early.end());
    std::map<std::string, std::string> first;  // by what a node is
    for (Node& node : nodes_) {
      for (std::string& input : node.inputs) input = renamed(input);
      std::string name = is_one_of(kNamed, node.op) || read_early.contains(node.name) ? node.name : short_name();
      if (is_one_of(kMergeable, node.op) && !read_early.contains(node.name)) {
        const auto [known, is_new] = first.emplace(node.key(), name);
        if (!is_new) {
          names_.emplace(node.name, known->second);
          continue;
        }
      }
      names_.emplace(node.name, name);
      node.name = std::move(name);
      kept_.push_back(std::move(node));
    }
  }

  std::string renamed_result(protozero::pbf_reader entry) const {
    std::string result;
    protozero::pbf_writer writer(result);
    while (entry.next()) {
      const protozero::pbf_tag_type tag = entry.tag();
      const std::string text = entry.get_string();
      writer.add_string(tag, tag == 2 ? renamed(text) : text);
    }
    return result;
  }

  const std::string& function_def_;
  std::string prefix_;
  std::vector<Node> nodes_;
  std::vector<Node> kept_;
  std::set<std::string, std::less<>> taken_;
  std::map<std::string, std::string, std::less<>> names_;  // old to new
  int count_ = 0;
};

}  // namespace

std::string without_defaults(const std::string& graph_def) {
  std::string result;
  protozero::pbf_writer writer(result);
  protozero::pbf_reader reader(graph_def);
  while (reader.next()) {
    if (reader.tag() == kGraphNode) {
      writer.add_message(kGraphNode, written(read_node(reader.get_message())));
    } else if (reader.wire_type() == protozero::pbf_wire_type::varint) {
      const protozero::pbf_tag_type tag = reader.tag();
      writer.add_uint64(tag, reader.get_uint64());
    } else {
      const protozero::pbf_tag_type tag = reader.tag();
      writer.add_bytes(tag, reader.get_view());
    }
  }
  return result;
}

std::string computation_of(std::string_view function_def) {
  std::vector<std::string> parts;
  protozero::pbf_reader reader(function_def.data(), function_def.size());
  while (reader.next()) {
    const protozero::pbf_tag_type tag = reader.tag();
    std::string& part = parts.emplace_back(std::to_string(tag) + ":");
    if (tag == kFunctionNode) {
      part += written(read_node(reader.get_message()));
    } else if (tag == kFunctionSignature) {
      protozero::pbf_writer writer(part);
      protozero::pbf_reader signature = reader.get_message();
      while (signature.next()) {
        if (signature.tag() != kOpDefName && signature.wire_type() == protozero::pbf_wire_type::length_delimited) {
          const protozero::pbf_tag_type field = signature.tag();
          writer.add_bytes(field, signature.get_view());
        } else {
          signature.skip();
        }
      }
    } else {
      part += reader.get_string();
    }
  }
  std::sort(parts.begin(), parts.end());
  std::string all;
  for (const std::string& part : parts) all += std::to_string(part.size()) + ":" + part;
  return all;
}

std::string compacted(const std::string& function_def, const std::string& prefix, CompactNodes* nodes) {
  Compactor compactor(function_def, prefix);
  std::string compact = compactor.run();
  if (nodes != nullptr) *nodes = compactor.nodes();
  return compact;
}

}  // namespace crossload::exporting

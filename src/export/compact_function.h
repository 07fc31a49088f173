// A function's body in fewer bytes: it computes the same.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace crossload::exporting {

/// The nodes of a compacted body.
struct CompactNodes {
  std::vector<std::string> order;                               // each behind those that it reads
  std::map<std::string, std::string, std::less<>> by_old_name;  // what nodes of the original are called
};

/// The GraphDef without attributes that have their defaults, which TensorFlow adds to what it reads. Not in its library.
std::string without_defaults(const std::string& graph_def);

/// The FunctionDef without them too, with each constant, and each piece of arithmetic on shapes, once, and with short names
/// for nodes, which begin with `prefix`. Products, convolutions and look-ups keep the names of their modules, since
/// TensorFlow's errors name these. Of a body of BERT-base three quarters go, which are most of what a SavedModel is beside
/// its weights. `nodes` may be null.
std::string compacted(const std::string& function_def, const std::string& prefix = "n", CompactNodes* nodes = nullptr);

/// What a FunctionDef computes: equal for two that differ in their names alone, and in the order in which Protocol Buffers
/// writes maps. Throws protozero::exception when it is none.
std::string computation_of(std::string_view function_def);

}  // namespace crossload::exporting

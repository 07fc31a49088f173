// A function's body in fewer bytes: it computes the same.
#pragma once

#include <string>
#include <string_view>

namespace crossload::exporting {

/// The GraphDef without attributes that have their defaults, which TensorFlow adds to what it reads. Not in its library.
std::string without_defaults(const std::string& graph_def);

/// The FunctionDef without them too, with each constant, and each piece of arithmetic on shapes, once, and with short names for nodes.
/// Products, convolutions and look-ups keep the names of their modules, since TensorFlow's errors name these. Of a body
/// of BERT-base three quarters go, which are most of what a SavedModel is beside its weights.
std::string compacted(const std::string& function_def);

/// What a FunctionDef computes: equal for two that differ in their names alone, and in the order in which Protocol Buffers
/// writes maps. Throws protozero::exception when it is none.
std::string computation_of(std::string_view function_def);

}  // namespace crossload::exporting

// The functions that a SavedModel offers, read from what was written.
//
//   MetaGraphDef { 2: GraphDef { 2: library { 1: FunctionDef { 1: signature { 1: name, 2: inputs, 3: outputs } } } },
//                  7: SavedObjectGraph { 1: nodes { 1: children { 1: node, 2: name },
//                                                   6: function { 1: concrete functions },
//                                                   7: variable,
//                                                   8: bare concrete function { 1: name } },
//                                        2: concrete functions { 2: bound inputs, 3: input signature, 4: outputs } } }
//
// Source: tensorflow/core/protobuf/{meta_graph,saved_object_graph,struct}.proto,
// core/framework/{function,op_def}.proto.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "crossload/dtype.h"

namespace crossload::exporting {

/// One tensor among a function's arguments or results.
struct FunctionTensor {
  std::string name;  // "input_ids"; members of a list are "hidden_states.0"
  int dtype = 0;     // TensorFlow's number
  Shape shape;       // -1 for sizes known at run time
  bool has_rank = true;
};

struct SavedFunction {
  std::string name;   // in the graph's library
  std::string label;  // "serving_default", "__call__(input_ids, attention_mask)", "__call__(input_ids, training=True)"
  bool is_signature = false;
  bool training = false;
  std::vector<FunctionTensor> inputs;   // in the order of the function's arguments; what it captures follows
  std::vector<FunctionTensor> outputs;  // in the order of its results
  std::vector<std::int32_t> captures;   // nodes of the object graph
  std::vector<int> input_types;         // of all arguments, as the library declares them
  std::vector<int> output_types;
  std::string computation;  // see computation_of
};

/// The functions of the root object's signatures and of its methods (`__call__`), each once. What a Keras model keeps
/// of its layers is not among them. Throws Error(kBadInput), which `where` begins.
std::vector<SavedFunction> read_saved_functions(const std::string& meta_graph_def, const std::string& where);

}  // namespace crossload::exporting

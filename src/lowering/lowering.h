// A program as nodes of a TensorFlow graph.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "keras/model_graph.h"
#include "keras/model_output.h"
#include "lowering/value.h"
#include "program/program.h"

namespace crossload::lowering {

/// What the nodes of a program's parameters stand for: a variable, or values that are constants of the graph.
struct Bound {
  std::map<std::string, const keras::Variable*> variables;
  std::map<std::string, tensor::TensorView> constants;
  /// Of nodes that depend on constants alone: what they give, see fold.h.
  std::map<std::string, tf::HostTensor> folded = {};
};

/// Which of a program's results are wanted.
struct Wanted {
  std::vector<program::Output> outputs;
  bool stages = false;  // all of them; else those that come with the outputs
  bool checks = true;   // whether a run fails where a check of the program does
};

/// Makes the nodes, named in the scope of their modules, and of the stages what the graph then has. Returns the wanted
/// outputs, in their order. Throws keras::ModuleError, which names the module, for what TensorFlow cannot compute.
std::vector<tf::Tensor> lower(const program::Program& program, const Bound& bound, const keras::ModelInputs& inputs,
                              const Wanted& wanted, keras::ModelGraph* graph);

/// Throws Error(kUnsupported) that lists the operations that are not known, and in which modules they are.
void require_known_operations(const program::Program& program);

/// "llama/layers/0" for "llama.layers.0"
std::string tensorflow_path(const std::string& module);

}  // namespace crossload::lowering

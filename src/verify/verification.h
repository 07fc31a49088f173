// The verdict: every module of PyTorch against TensorFlow, and the first one that is wrong.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "verify/comparison.h"
#include "verify/runner.h"
#include "verify/trace.h"

namespace crossload::verify {

struct Tolerances {
  double max_error = 1e-5;         // for the model's outputs
  double max_hidden_error = 1e-5;  // for the modules inside it, and outputs named "hidden"
};

/// One tensor of one call of one module, or one output.
struct StageReport {
  std::string name;    // the module's path; with "#k" for a later call, and the tensor's index when there are several
  std::string path;    // the module's path in PyTorch; empty for an output
  std::string source;  // where PyTorch defines the module's class
  std::string class_name;
  Tolerance tolerance;
  Comparison comparison;
  bool agrees = false;
};

struct Verification {
  std::vector<StageReport> stages;   // in the order of execution
  std::vector<StageReport> outputs;  // "output.<name>": of the graph, and of the SavedModel's own signature
  std::size_t modules_traced = 0;    // calls of modules that return float tensors
  std::size_t modules_compared = 0;
  std::vector<std::string> not_compared;  // modules and outputs that only PyTorch has
  bool served = false;                    // the SavedModel's signature ran
  /// Indexes into `stages`: those that are off while everything they read agrees. The first is the first divergence.
  std::vector<std::size_t> divergences;

  bool agrees() const;
  /// The stage or output to look at first; nullptr when all agree.
  const StageReport* first_divergence() const;
};

/// `served` are the outputs of the SavedModel's signature; nullptr when it did not run.
Verification verify(const Trace& trace, const Observation& observation, const std::map<std::string, Values>* served,
                    const Tolerances& tolerances);

}  // namespace crossload::verify

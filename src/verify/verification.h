// The verdict: every module of PyTorch against TensorFlow, every function of the SavedModel, every further set of
// inputs; and the first module that is wrong.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "verify/comparison.h"
#include "verify/explanation.h"
#include "verify/runner.h"
#include "verify/trace.h"

namespace crossload::verify {

struct Tolerances {
  double max_error = 1e-5;         // for the model's outputs
  double max_hidden_error = 1e-5;  // for the modules inside it, and outputs named "hidden"
  bool strict = false;             // what rounding explains disagrees too
  double noise_multiple = Rule().noise_multiple;
  NoisePool pool = NoisePool::kRow;
};

/// One tensor of one call of one module, or one output.
struct StageReport {
  std::string name;    // the module's path; with "#k" for a later call, and the tensor's index when there are several
  std::string path;    // the module's path in PyTorch; empty for an output
  std::string source;  // where PyTorch defines the module's class
  std::string class_name;
  Caller caller;
  std::optional<std::size_t> observed;  // its place in Observation::stages
  double limit = 0;                     // Rule::absolute
  Comparison comparison;
  std::optional<Explanation> explanation = {};  // of those that diverge by themselves

  std::string cell = {};  // of which further set of inputs; empty for the main one

  bool agrees() const { return comparison.agrees(); }
  /// The name, behind that of the cell.
  std::string full_name() const { return cell.empty() ? name : "cell " + cell + ": " + name; }
};

/// A function of the SavedModel that was called, or could not be.
struct FunctionRun {
  std::string label;  // "serving_default", "__call__(input_ids)"
  std::vector<std::string> inputs;
  bool training = false;
  const Trace* trace = nullptr;           // what PyTorch did with these inputs; null when it was not asked
  std::map<std::string, Values> outputs;  // members of lists as "hidden_states.0", or one tensor of all
  std::string error;                      // why it did not run; empty when it did
  /// Where PyTorch was not asked: what the function that takes all inputs returned, with the defaults passed.
  std::map<std::string, Values> explicit_outputs = {};
};

/// Of functions with one label, which differ in how they take their inputs (as a dictionary or by keyword, int32 or
/// int64), the first stands for all; others are reported besides when they disagree.
struct FunctionReport {
  std::string label;
  std::vector<std::string> inputs;
  bool training = false;
  bool ran = false;
  std::string finding;  // what is wrong besides tensors that are off; empty when nothing is
  /// "<label>.<output>". Of a training function, whose numbers are its own, only shapes count.
  std::vector<StageReport> outputs;
  std::size_t against_explicit = 0;  // outputs held against FunctionRun::explicit_outputs, where PyTorch was not asked

  Verdict verdict() const;
};

struct CellReport;

struct Verification {
  std::vector<StageReport> stages;        // in the order of execution
  std::vector<StageReport> outputs;       // "output.<name>", of the graph
  std::vector<FunctionReport> functions;  // of the SavedModel
  std::vector<CellReport> cells;          // the same model on other inputs
  std::size_t modules_traced = 0;         // calls of modules that return float tensors
  std::size_t modules_compared = 0;
  std::vector<std::string> not_compared;  // modules, outputs and functions; each is a disagreement
  /// Indexes into `stages`: those that are off while everything they read agrees. The first is the first divergence.
  std::vector<std::size_t> divergences;
  /// A module that TensorFlow could not compute at all; then the rest is empty.
  std::optional<keras::ModuleFailure> failure = {};

  Verdict verdict() const;
  bool agrees() const { return verdict() != Verdict::kDisagrees; }
  /// The stage, output or function's output to look at first, of this run before those of cells; nullptr when all
  /// agree.
  const StageReport* first_divergence() const;
  /// Every tensor with this verdict, those of functions and cells too, training functions' left out.
  std::vector<const StageReport*> tensors_that(Verdict verdict) const;
  std::size_t tensors() const;  // how many were compared, in all
  bool served() const;          // serving_default ran
};

/// Says of which cell every tensor is.
void set_cell(Verification* verification, const std::string& cell);

/// What became of a further set of inputs.
struct CellReport {
  std::string name;
  std::string what;
  std::map<std::string, Shape> inputs;
  Verification verification;
};

/// `functions` are those of the SavedModel, empty when there is none. `weights` let more divergences be explained.
Verification verify(const Trace& trace, const Observation& observation, const std::vector<FunctionRun>& functions,
                    const Tolerances& tolerances, const keras::Weights* weights = nullptr);
/// The same for a model that could not be run.
Verification failed(const Trace& trace, const keras::ModuleFailure& failure);

/// What a run returned, by the names of its trace: lists that a signature returns as one tensor are taken apart.
std::map<std::string, Values> outputs_as_traced(const FunctionRun& run);
/// The same for functions alone.
std::vector<FunctionReport> verify_functions(const std::vector<FunctionRun>& functions, const Tolerances& tolerances);

}  // namespace crossload::verify

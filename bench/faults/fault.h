// Faults of the kind that ports of models have, put on purpose into a model whose results in PyTorch are known.
//
// A golden holds a checkpoint and what PyTorch computes with it; "traced_<type>" is a folder of them, with the program
// that torch.export made of PyTorch's class in the place of a class here. A fault changes what TensorFlow gets: the values of
// variables, fields of the configuration, or operations of the graph while it is made. The rest is as in a conversion.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bytes/json.h"
#include "keras/weights.h"
#include "tf/library.h"
#include "tf/ops.h"
#include "verify/runner.h"
#include "verify/trace.h"

namespace crossload::faults {

/// The variables of the sound model, to take wrong values from.
class Variables {
 public:
  explicit Variables(const keras::Weights& weights) : weights_(weights) {}
  /// Throws Error(kBadInput) when there is none of that name.
  std::vector<float> values(const std::string& name) const;

 private:
  const keras::Weights& weights_;
};

/// Called with each variable, `out` filled with its right values.
using ChangeVariable =
    std::function<void(const Variables& variables, const keras::Variable& variable, std::span<float> out)>;

/// What an operation made, and what an edit before it in the same fault has kept for it.
struct Made {
  tf::Tensor tensor;
  std::map<std::string, tf::Tensor>* kept;

  tf::Tensor input(int index) const;
};

/// Changes one operation: the nth (from 0) of its type among those made directly in the scope of a module, by the
/// module's path in TensorFlow.
struct Edit {
  std::string scope;
  std::string type;
  int nth;
  std::function<tf::Tensor(const Made& made)> change;
};
inline constexpr int kEach = -1;  // as nth

struct Fault {
  std::string golden;
  std::string what;
  /// The PyTorch path of the module that must be the first divergence: the innermost recorded module that returns, or
  /// is the first to take, what the fault changes. "output.<name>" where only an output of the model is changed.
  std::string at;
  ChangeVariable variables = nullptr;
  std::vector<std::pair<std::string, bytes::Json>> config = {};  // "text_config.hidden_act" is a member's member
  std::vector<Edit> edits = {};
  bool training = false;
  /// Why it cannot be found or located, where that is so.
  std::string reason = "";
};

/// Whether its golden is of a traced model.
bool is_traced(const Fault& fault);

/// All faults, model by model.
std::vector<Fault> all_faults();

/// What PyTorch computed, and TensorFlow with the fault.
struct Observed {
  verify::Trace trace;
  verify::Observation observation;
};

struct Finding {
  bool detected = false;  // the verdict is "disagrees"
  bool located = false;   // and the first divergence is Fault::at
  std::string first_divergence;
  double max_error = 0;  // at kept positions, of all stages and outputs
  /// Transformers 4's `pt-to-tf` refused a model when an output (all but attentions) was off by more than 5e-5.
  bool detected_by_v4 = false;
};

/// "| golden | fault | module | detected | located |": a line of the table in docs/faults.md, up to there.
std::string table_line(const Fault& fault, const Finding& finding);

/// Runs faults on goldens.
class Bench {
 public:
  explicit Bench(std::string goldens) : goldens_(std::move(goldens)), library_(tf::Library::open()) {}
  /// Throws Error when the fault changed nothing: then it is the fault that is wrong.
  Observed observe(const Fault& fault) const;
  /// Judged with the default tolerances.
  Finding run(const Fault& fault) const;
  /// The same of the golden without any fault, which must be found sound.
  Finding run_sound(const std::string& golden) const;
  /// Every operation of the golden's graph, one a line: scope, type and number, for those who write an Edit.
  std::string operations(const std::string& golden) const;

 private:
  std::string goldens_;
  std::shared_ptr<const tf::Library> library_;
};

}  // namespace crossload::faults

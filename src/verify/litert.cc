#include "verify/litert.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <numeric>
#include <set>
#include <span>

#include "verify/choices.h"
#include "verify/judgement.h"

namespace crossload::verify {
namespace {

constexpr std::string_view kCell = "cell.";
constexpr const char* kServing = "serving_default";

/// The run of PyTorch that "main" or "cell.<n>" stands for.
const Trace& trace_of(const Trace& trace, const std::string& inputs) {
  return inputs.starts_with(kCell) ? trace.cells().at(std::stoul(inputs.substr(kCell.size()))).trace : trace;
}

std::string cell_of(const Trace& trace, const std::string& inputs) {
  return inputs.starts_with(kCell) ? trace.cells().at(std::stoul(inputs.substr(kCell.size()))).name : "";
}

std::vector<float> floats_of(const tensor::TensorView& view) {
  std::vector<float> floats(view.bytes.size() / sizeof(float));
  std::memcpy(floats.data(), view.bytes.data(), floats.size() * sizeof(float));
  return floats;
}

/// Null sizes and other types than float32 have no distance.
std::optional<LitertOutput> measure(const FunctionRun& run, const std::string& name, const Values& values,
                                    const Tolerances& tolerances) {
  const tensor::TensorView* reference = run.trace->find("output." + name);
  if (reference == nullptr || reference->dtype != DType::kF32 || reference->shape != values.shape) return std::nullopt;
  const std::vector<float> wanted = floats_of(*reference);
  if (wanted.empty() || wanted.size() != values.elements.size()) return std::nullopt;
  const std::vector<bool> kept = Judgement(*run.trace, tolerances).kept_of_output(name, values);
  LitertOutput output;
  output.name = run.label + "." + name;
  double sum = 0;
  std::size_t count = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!kept.empty() && !kept[i]) continue;
    const double apart = std::abs(static_cast<double>(values.elements[i]) - static_cast<double>(wanted[i]));
    // Written so that NaN is the largest of all.
    if (!(apart <= output.max_error)) output.max_error = std::isnan(apart) ? HUGE_VAL : apart;
    output.largest = std::max(output.largest, std::abs(static_cast<double>(wanted[i])));
    sum += apart;
    ++count;
  }
  output.mean_error = count == 0 ? 0 : sum / static_cast<double>(count);
  const Choices choices = count_choices(name, values.shape, values.elements, wanted, kept);
  output.rows = choices.rows;
  output.changed = choices.changed;
  return output;
}

/// The values in the shape that the module returns, of which `is_rows` may have the rows. A converter that computes
/// another shape computes it at another place.
std::optional<Values> as_returned(const Values& values, const Shape& shape, bool is_rows) {
  const auto rows = [](const Shape& sizes) {
    return std::accumulate(sizes.begin(), sizes.end() - 1, std::int64_t{1}, std::multiplies<>());
  };
  const bool has_rows = is_rows && !shape.empty() && values.shape == Shape{rows(shape), shape.back()};
  if (values.shape != shape && !has_rows) return std::nullopt;
  Values found = values;
  found.shape = shape;
  return found;
}

class Judge {
 public:
  Judge(const Trace& trace, const Tolerances& tolerances, LitertReport* report)
      : trace_(trace), tolerances_(tolerances), report_(*report) {
    // What is measured need not be near, but it must be there, of its shape.
    if (report_.conversion.type != LitertType::kFloat32)
      tolerances_.max_error = tolerances_.max_hidden_error = std::numeric_limits<double>::max();
  }

  void functions(const LitertRuns& runs) {
    if (std::ranges::find(report_.conversion.signatures, kServing) == report_.conversion.signatures.end())
      report_.findings.push_back("has no signature " + std::string(kServing));
    std::set<std::pair<std::string, std::string>> ran;  // by interpreter and signature
    std::map<std::pair<std::string, std::string>, std::vector<const LitertRun*>> together;
    for (const LitertRun& run : runs.runs) {
      ran.emplace(run.interpreter, run.signature);
      together[{run.interpreter, run.inputs}].push_back(&run);
    }
    for (const auto& [key, group] : together) judge_together(key.first, key.second, group);
    for (const LitertInterpreter& interpreter : runs.interpreters) {
      for (const std::string& signature : report_.conversion.signatures) {
        if (ran.contains({interpreter.name, signature})) continue;
        report_.findings.push_back(signature + " was not run by " + interpreter.name +
                                   ": the reference has no such inputs");
      }
    }
  }

  /// Those that the file holds, of main inputs.
  void stages(const LitertRuns& runs, const exporting::ServedStages& served) {
    std::map<std::tuple<std::string, int, std::size_t, bool>, const Values*> held;
    for (const auto& [index, values] : runs.stages) {
      const exporting::ServedStage& stage = served.stages.at(index);
      held.emplace(std::tuple(stage.path, stage.call, stage.output, stage.is_rows), &values);
    }
    const Judgement judgement(trace_, tolerances_);
    for (const TracedStage& traced : trace_.stages()) {
      for (std::size_t i = 0; i < traced.tensors.size(); ++i) {
        ++report_.tensors_traced;
        const tensor::TensorView* reference = trace_.find("stage." + traced.tensors[i]);
        if (reference == nullptr) continue;
        std::optional<Values> found;
        for (const bool is_rows : {false, true}) {
          const auto one = held.find({traced.path, traced.call, i, is_rows});
          if (!found && one != held.end()) found = as_returned(*one->second, reference->shape, is_rows);
        }
        if (!found) continue;
        StageReport& report = report_.stages.emplace_back();
        report.name = "model.tflite " + traced.tensors[i];
        report.path = traced.path;
        report.source = traced.source;
        report.class_name = traced.class_name;
        report.caller = traced.caller;
        judgement.stage(traced.tensors[i], traced.masks[i], *found, &report);
      }
    }
  }

 private:
  void judge_together(const std::string& interpreter, const std::string& inputs,
                      const std::vector<const LitertRun*>& group) {
    const std::string cell = cell_of(trace_, inputs);
    std::vector<FunctionRun> runs;
    for (const LitertRun* run : group) {
      FunctionRun& function = runs.emplace_back();
      function.label = run->signature;
      function.trace = &trace_of(trace_, inputs);
      function.outputs = run->outputs;
      function.error = run->error;
      for (const auto& [name, view] : function.trace->inputs()) function.inputs.push_back(name);
      for (const auto& [name, values] : run->error.empty() ? outputs_as_traced(function) : run->outputs) {
        std::optional<LitertOutput> output = measure(function, name, values, tolerances_);
        if (!output) continue;
        output->interpreter = interpreter;
        output->cell = cell;
        report_.outputs.push_back(*output);
        gate(*output);
      }
    }
    for (FunctionReport& function : verify_functions(runs, tolerances_)) {
      for (StageReport& output : function.outputs) {
        output.name = "model.tflite " + output.name + " (" + interpreter + ")";
        output.cell = cell;
      }
      function.label = "model.tflite " + function.label + " (" + interpreter + ")";
      if (!function.finding.empty())
        report_.findings.push_back(function.label + (cell.empty() ? "" : " on " + cell) + ": " + function.finding);
      report_.functions.push_back(std::move(function));
    }
  }

  /// See LitertOptions::max_error.
  void gate(const LitertOutput& output) {
    if (report_.conversion.type == LitertType::kFloat32) return;
    const double limit = report_.max_error.value_or(std::numeric_limits<double>::max());
    if (output.max_error <= limit) return;
    char text[96];
    std::snprintf(text, sizeof(text), "%.2e from PyTorch's at most, over --max-error %.2e", output.max_error, limit);
    report_.findings.push_back(output.name + " (" + output.interpreter + ")" +
                               (output.cell.empty() ? "" : " on " + output.cell) + ": " + text);
  }

  const Trace& trace_;
  Tolerances tolerances_;
  LitertReport& report_;
};

}  // namespace

Verdict LitertReport::verdict() const {
  Verdict worst = findings.empty() ? Verdict::kAgrees : Verdict::kDisagrees;
  for (const StageReport& stage : stages) worst = std::max(worst, stage.comparison.verdict);
  for (const FunctionReport& function : functions) worst = std::max(worst, function.verdict());
  return worst;
}

std::vector<const StageReport*> LitertReport::tensors_that(Verdict wanted) const {
  std::vector<const StageReport*> found;
  const auto add = [&](const std::vector<StageReport>& reports) {
    for (const StageReport& report : reports) {
      if (report.comparison.verdict == wanted) found.push_back(&report);
    }
  };
  add(stages);
  for (const FunctionReport& function : functions) add(function.outputs);
  return found;
}

const StageReport* LitertReport::first_divergence() const {
  const auto off = [](const StageReport& report) { return !report.agrees(); };
  const auto stage = std::ranges::find_if(stages, off);
  if (stage != stages.end()) return &*stage;
  for (const FunctionReport& function : functions) {
    const auto output = std::ranges::find_if(function.outputs, off);
    if (output != function.outputs.end()) return &*output;
  }
  return nullptr;
}

LitertReport judge_litert(const LitertConversion& conversion, const LitertRuns& runs,
                          const exporting::ServedStages& served, const Trace& trace, const Tolerances& tolerances,
                          const std::optional<double>& max_error) {
  LitertReport report;
  report.conversion = conversion;
  report.interpreters = runs.interpreters;
  report.max_error = max_error;
  Judge judge(trace, tolerances, &report);
  judge.functions(runs);
  if (conversion.type == LitertType::kFloat32) judge.stages(runs, served);
  return report;
}

}  // namespace crossload::verify

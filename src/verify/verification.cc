#include "verify/verification.h"

#include <algorithm>

#include "verify/judgement.h"

namespace crossload::verify {
namespace {

using Calls = std::map<std::pair<std::string, int>, std::size_t>;  // {path, call}: the place of its ObservedStage

bool has_rows(const ObservedStage& stage) {
  const auto is_empty = [](const Values& values) { return element_count(values.shape) == 0; };
  return !std::all_of(stage.outputs.begin(), stage.outputs.end(), is_empty);
}

/// Where each call of PyTorch was observed. A module that PyTorch does not call when there are no rows for it, as in a loop
/// over experts, is called with none in a traced graph: such calls do not count where PyTorch made fewer.
Calls observed_calls(const Trace& trace, const Observation& observation) {
  std::map<std::string, std::size_t> traced;
  for (const TracedStage& stage : trace.stages()) ++traced[stage.path];
  std::map<std::string, std::size_t> observed;
  for (const ObservedStage& stage : observation.stages) ++observed[stage.path];
  Calls calls;
  std::map<std::string, int> counted;
  for (std::size_t i = 0; i < observation.stages.size(); ++i) {
    const ObservedStage& stage = observation.stages[i];
    const bool are_fewer = traced[stage.path] > 0 && traced[stage.path] < observed[stage.path];
    if (!are_fewer) {
      calls[{stage.path, stage.call}] = i;
    } else if (has_rows(stage)) {
      calls[{stage.path, counted[stage.path]++}] = i;
    }
  }
  return calls;
}

class Verifier {
 public:
  Verifier(const Trace& trace, const Observation& observation, const Tolerances& tolerances)
      : trace_(trace),
        observation_(observation),
        judgement_(trace, tolerances),
        observed_(observed_calls(trace, observation)) {}

  Verification run() {
    compare_stages();
    find_divergences();
    compare_outputs();
    return std::move(result_);
  }

 private:
  void compare_stages() {
    for (const TracedStage& traced : trace_.stages()) {
      if (traced.tensors.empty()) continue;
      ++result_.modules_traced;
      const auto observed = observed_.find({traced.path, traced.call});
      if (observed == observed_.end() || observation_.stages[observed->second].outputs.size() < traced.tensors.size()) {
        result_.not_compared.push_back(traced.path + (traced.call > 0 ? "#" + std::to_string(traced.call) : ""));
        continue;
      }
      ++result_.modules_compared;
      for (std::size_t i = 0; i < traced.tensors.size(); ++i) {
        StageReport report;
        report.name = traced.tensors[i];
        report.path = traced.path;
        report.source = traced.source;
        report.class_name = traced.class_name;
        report.caller = traced.caller;
        report.observed = observed->second;
        judgement_.stage(traced.tensors[i], traced.masks[i], observation_.stages[observed->second].outputs[i], &report);
        if (!report.agrees()) first_failure_.try_emplace(observed->second, result_.stages.size());
        result_.stages.push_back(std::move(report));
      }
    }
  }

  /// A stage diverges by itself when it is off and none of the stages that it reads is.
  void find_divergences() {
    for (const auto& [observed, report] : first_failure_) {
      const std::vector<std::size_t>& reads = observation_.stages[observed].reads;
      if (std::none_of(reads.begin(), reads.end(), [&](std::size_t read) { return first_failure_.contains(read); })) {
        result_.divergences.push_back(report);
      }
    }
    std::sort(result_.divergences.begin(), result_.divergences.end());
  }

  void compare_outputs() {
    for (const std::string& name : trace_.outputs()) {
      const auto values = observation_.outputs.find(name);
      if (values == observation_.outputs.end()) {
        result_.not_compared.push_back("output." + name);
        continue;
      }
      StageReport report;
      report.name = "output." + name;
      judgement_.output(name, values->second, &report);
      result_.outputs.push_back(std::move(report));
    }
  }

  const Trace& trace_;
  const Observation& observation_;
  const Judgement judgement_;
  const Calls observed_;
  std::map<std::size_t, std::size_t> first_failure_;  // observed stage -> its first report that is off
  Verification result_;
};

/// Every list of reports of a verification itself, cells left out.
template <class Visit>
void visit_reports(const Verification& verification, const Visit& visit) {
  visit(verification.stages);
  visit(verification.outputs);
  for (const FunctionReport& function : verification.functions) {
    if (!function.training) visit(function.outputs);
  }
}

}  // namespace

void set_cell(Verification* verification, const std::string& cell) {
  const auto mark = [&](std::vector<StageReport>* reports) {
    for (StageReport& report : *reports) report.cell = cell;
  };
  mark(&verification->stages);
  mark(&verification->outputs);
  for (FunctionReport& function : verification->functions) mark(&function.outputs);
}

Verdict Verification::verdict() const {
  if (!not_compared.empty() || failure) return Verdict::kDisagrees;
  Verdict worst = Verdict::kAgrees;
  visit_reports(*this, [&](const std::vector<StageReport>& reports) {
    for (const StageReport& report : reports) worst = std::max(worst, report.comparison.verdict);
  });
  for (const FunctionReport& function : functions) worst = std::max(worst, function.verdict());
  for (const CellReport& cell : cells) worst = std::max(worst, cell.verification.verdict());
  return worst;
}

const StageReport* Verification::first_divergence() const {
  if (!divergences.empty()) return &stages[divergences.front()];
  const StageReport* first = nullptr;
  visit_reports(*this, [&](const std::vector<StageReport>& reports) {
    const auto off = std::find_if(reports.begin(), reports.end(), [](const auto& report) { return !report.agrees(); });
    if (first == nullptr && off != reports.end()) first = &*off;
  });
  for (std::size_t i = 0; first == nullptr && i < cells.size(); ++i) first = cells[i].verification.first_divergence();
  return first;
}

std::vector<const StageReport*> Verification::tensors_that(Verdict verdict) const {
  std::vector<const StageReport*> found;
  visit_reports(*this, [&](const std::vector<StageReport>& reports) {
    for (const StageReport& report : reports) {
      if (report.comparison.verdict == verdict) found.push_back(&report);
    }
  });
  for (const CellReport& cell : cells) {
    const auto inside = cell.verification.tensors_that(verdict);
    found.insert(found.end(), inside.begin(), inside.end());
  }
  return found;
}

std::size_t Verification::tensors() const {
  std::size_t count = 0;
  visit_reports(*this, [&](const std::vector<StageReport>& reports) { count += reports.size(); });
  for (const CellReport& cell : cells) count += cell.verification.tensors();
  return count;
}

bool Verification::served() const {
  return std::any_of(functions.begin(), functions.end(), [](const FunctionReport& function) {
    return function.label == "serving_default" && function.ran;
  });
}

Verification verify(const Trace& trace, const Observation& observation, const std::vector<FunctionRun>& functions,
                    const Tolerances& tolerances, const keras::Weights* weights) {
  Verification result = Verifier(trace, observation, tolerances).run();
  constexpr std::size_t kHints = 4;  // one fault of a class is found in every layer
  for (std::size_t i = 0; i < result.divergences.size(); ++i) {
    StageReport& report = result.stages[result.divergences[i]];
    report.explanation = explain(trace, observation, *report.observed, weights, /*with_hint=*/i < kHints);
  }
  constexpr std::string_view kOutput = "output.";
  for (StageReport& report : result.outputs) {
    if (report.agrees() || !result.divergences.empty()) continue;
    report.explanation.emplace();
    report.explanation->hint = hint_of_output(trace, observation, report.name.substr(kOutput.size()));
    break;
  }
  result.functions = verify_functions(functions, tolerances);
  for (const std::string& input : trace.not_taken()) {
    result.not_compared.push_back("input " + input + ": PyTorch's forward takes it, the serving signature does not");
  }
  for (const FunctionReport& function : result.functions) {
    if (!function.finding.empty()) result.not_compared.push_back(function.label + ": " + function.finding);
  }
  return result;
}

Verification failed(const Trace& trace, const keras::ModuleFailure& failure) {
  Verification result;
  const auto returned = [](const TracedStage& stage) { return !stage.tensors.empty(); };
  result.modules_traced =
      static_cast<std::size_t>(std::count_if(trace.stages().begin(), trace.stages().end(), returned));
  result.failure = failure;
  return result;
}

}  // namespace crossload::verify

// Judging what the functions of a SavedModel returned.
#include <algorithm>
#include <cmath>
#include <set>

#include "bytes/json.h"
#include "keras/model.h"
#include "verify/judgement.h"

namespace crossload::verify {
namespace {

/// The members of a list that a signature returns as one tensor [members, ...].
std::vector<Values> unstacked(const Values& stack) {
  std::vector<Values> members;
  if (stack.shape.empty() || stack.shape.front() <= 0) return members;
  const auto count = static_cast<std::size_t>(stack.shape.front());
  for (std::size_t i = 0; i < count; ++i) {
    Values member;
    member.kind = stack.kind;
    member.shape.assign(stack.shape.begin() + 1, stack.shape.end());
    if (!stack.symbolic.empty()) member.symbolic.assign(stack.symbolic.begin() + 1, stack.symbolic.end());
    const auto piece = [&](const auto& all) {
      const std::size_t size = all.size() / count;
      const auto begin = all.begin() + static_cast<std::ptrdiff_t>(i * size);
      return std::decay_t<decltype(all)>(begin, begin + static_cast<std::ptrdiff_t>(size));
    };
    member.elements = piece(stack.elements);
    member.integers = piece(stack.integers);
    members.push_back(std::move(member));
  }
  return members;
}

/// A signature that has the name of a result returns it alone, and no other function does.
class Shares {
 public:
  explicit Shares(const std::vector<FunctionRun>& functions) {
    for (const FunctionRun& run : functions) labels_.insert(run.label);
  }
  bool has(const FunctionRun& run, const std::string& output) const {
    if (labels_.contains(output)) return run.label == output;
    const std::vector<std::string>& traced = run.trace->outputs();
    return std::find(traced.begin(), traced.end(), run.label) == traced.end();
  }

 private:
  std::set<std::string> labels_;
};

void add_finding(FunctionReport* report, const std::string& finding) {
  report->finding += (report->finding.empty() ? "" : "; ") + finding;
}

bool all_finite(const Values& values) {
  return std::all_of(values.elements.begin(), values.elements.end(), [](float x) { return std::isfinite(x); });
}

/// NaN or infinity where PyTorch has none: it may have some itself, as where attention sees no position.
bool overflows(const Values& values, const Comparison& with_pytorch) {
  const bool differs = std::isinf(with_pytorch.kept.tf_to_pt) || std::isinf(with_pytorch.padded.tf_to_pt);
  return differs && !all_finite(values);
}

/// PyTorch's own answer to whether training changes what the model returns on these inputs, as its recorder found out.
std::optional<bool> training_differs(const Trace& trace) {
  if (!trace.has_metadata("training")) return std::nullopt;
  const bytes::Json training = bytes::Json::parse(trace.metadata("training"), trace.path().string() + " (training)");
  if (!training.is_object() || !training.contains("differs") || !training.at("differs").is_bool()) return std::nullopt;
  return training.at("differs").as_bool();
}

/// The numbers of a training function are its own, by dropout; whether there is any shows.
void judge_training(const FunctionRun& run, FunctionReport* report) {
  bool same = true;
  for (const StageReport& output : report->outputs) same = same && output.agrees();
  const std::optional<bool> differs = training_differs(*run.trace);
  if (differs.value_or(false) && same) {
    add_finding(report, "returns what it returns without training: dropout is not active");
  } else if (differs && !*differs && !same) {
    add_finding(report, "returns other numbers than without training, where PyTorch's do not change");
  }
}

/// Differences between functions around one body come from the order of sums alone.
bool are_close(const Values& a, const Values& b, float max_error) {
  const auto close = [&](float x, float y) {
    return x == y || (std::isnan(x) && std::isnan(y)) || std::abs(x - y) <= max_error * std::max(1.0F, std::abs(y));
  };
  return a.shape == b.shape && a.integers == b.integers &&
         std::equal(a.elements.begin(), a.elements.end(), b.elements.begin(), b.elements.end(), close);
}

/// A function that fills inputs in, against the one that is passed them.
void judge_defaults(const FunctionRun& run, const Tolerances& tolerances, FunctionReport* report) {
  report->against_explicit = run.explicit_outputs.size();
  for (const auto& [name, values] : run.explicit_outputs) {
    const auto found = run.outputs.find(name);
    if (found == run.outputs.end()) {
      add_finding(report, "does not return " + name);
    } else if (run.training ? found->second.shape != values.shape || (!all_finite(found->second) && all_finite(values))
                            : !are_close(found->second, values, static_cast<float>(tolerances.max_error))) {
      add_finding(report, "returns another " + name + " than with its default inputs passed");
    }
  }
}

/// See FunctionReport.
std::vector<FunctionReport> one_for_each_label(const std::vector<FunctionReport>& reports) {
  std::vector<FunctionReport> kept;
  std::set<std::string> labels;
  for (const FunctionReport& report : reports) {
    if (labels.insert(report.label).second || report.verdict() == Verdict::kDisagrees) kept.push_back(report);
  }
  return kept;
}

}  // namespace

Verdict FunctionReport::verdict() const {
  if (!ran || !finding.empty()) return Verdict::kDisagrees;
  Verdict worst = Verdict::kAgrees;
  for (const StageReport& output : outputs) {
    if (!training) worst = std::max(worst, output.comparison.verdict);
  }
  return worst;
}

std::map<std::string, Values> outputs_as_traced(const FunctionRun& run) {
  const std::vector<std::string>& traced = run.trace->outputs();
  const auto is_traced = [&](const std::string& name) {
    return std::find(traced.begin(), traced.end(), name) != traced.end();
  };
  std::map<std::string, Values> outputs;
  for (const auto& [name, values] : run.outputs) {
    if (is_traced(name) || !is_traced(name + ".0")) {
      outputs.emplace(name, values);
      continue;
    }
    const std::vector<Values> members = unstacked(values);
    for (std::size_t i = 0; i < members.size(); ++i) outputs.emplace(name + "." + std::to_string(i), members[i]);
  }
  return outputs;
}

std::vector<FunctionReport> verify_functions(const std::vector<FunctionRun>& functions, const Tolerances& tolerances) {
  std::vector<FunctionReport> reports;
  const Shares shares(functions);
  for (const FunctionRun& run : functions) {
    const bool has_defaults = run.trace == nullptr && !run.explicit_outputs.empty();
    FunctionReport report{run.label,    run.inputs,
                          run.training, run.error.empty() && (run.trace != nullptr || has_defaults),
                          run.error,    {}};
    if (has_defaults && report.ran) judge_defaults(run, tolerances, &report);
    if (run.trace == nullptr && !has_defaults && run.error.empty())
      report.finding = "was not run: the reference has no such inputs";
    if (!report.ran || run.trace == nullptr) {
      reports.push_back(std::move(report));
      continue;
    }
    const Judgement judgement(*run.trace, tolerances);
    const std::map<std::string, Values> outputs = outputs_as_traced(run);
    for (const auto& [name, values] : outputs) {
      if (run.trace->find("output." + name) == nullptr) {
        if (is_on_request(name) && run.label == keras::kWithHiddenStates) continue;  // PyTorch returns none here
        add_finding(&report, "returns " + name + ", which PyTorch does not");
        continue;
      }
      StageReport output;
      output.name = run.label + "." + name;
      judgement.output(name, values, &output);
      if (run.training && !output.comparison.mismatch.empty())
        add_finding(&report, name + ": " + output.comparison.mismatch);
      if (run.training && overflows(values, output.comparison)) add_finding(&report, name + " holds NaN or infinity");
      report.outputs.push_back(std::move(output));
    }
    for (const std::string& name : run.trace->outputs()) {
      if (!shares.has(run, name)) continue;
      const bool may_lack = is_on_request(name) && run.label != keras::kWithHiddenStates;
      if (!outputs.contains(name) && !may_lack) add_finding(&report, "does not return " + name);
    }
    if (run.training) judge_training(run, &report);
    reports.push_back(std::move(report));
  }
  return one_for_each_label(reports);
}

}  // namespace crossload::verify

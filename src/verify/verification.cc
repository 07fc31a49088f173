#include "verify/verification.h"

#include <algorithm>

#include "verify/kept_positions.h"

namespace crossload::verify {
namespace {

/// Outputs whose name says so are the hidden states that v4's command judged by a tolerance of their own.
double limit_of_output(const std::string& name, const Tolerances& tolerances) {
  return name.find("hidden") != std::string::npos ? tolerances.max_hidden_error : tolerances.max_error;
}

KeptPositions kept_positions(const Trace& trace) {
  const auto mask = trace.inputs().find("attention_mask");
  const auto ids = trace.inputs().find("input_ids");
  return KeptPositions(mask == trace.inputs().end() ? nullptr : &mask->second,
                       ids == trace.inputs().end() ? 2 : ids->second.shape.size());
}

void judge(StageReport* report, const Values& values, const Reference& reference, const KeptPositions& kept) {
  report->comparison =
      compare(values.shape, values.elements, reference, kept.of(values.shape), report->tolerance.relative);
  report->agrees = report->comparison.agrees(report->tolerance.absolute);
}

Reference stage_reference(const Trace& trace, const std::string& name) {
  return {trace.find("stage." + name), trace.find("stage64." + name), trace.find("noise." + name)};
}

Reference output_reference(const Trace& trace, const std::string& name) {
  return {trace.find("output." + name), trace.find("output64." + name), trace.find("outputnoise." + name)};
}

class Verifier {
 public:
  Verifier(const Trace& trace, const Observation& observation, const Tolerances& tolerances)
      : trace_(trace), observation_(observation), tolerances_(tolerances), kept_(kept_positions(trace)) {
    for (std::size_t i = 0; i < observation.stages.size(); ++i) {
      const ObservedStage& stage = observation.stages[i];
      observed_[{stage.path, stage.call}] = i;
    }
  }

  Verification run(const std::map<std::string, Values>* served) {
    compare_stages();
    find_divergences();
    result_.served = served != nullptr;
    compare_outputs(observation_.outputs, "output.", /*all=*/true);
    if (served != nullptr) compare_outputs(*served, "serving_default.", /*all=*/false);
    return std::move(result_);
  }

 private:
  void compare_stages() {
    for (const TracedStage& traced : trace_.stages()) {
      if (traced.tensors.empty()) continue;
      ++result_.modules_traced;
      const auto observed = observed_.find({traced.path, traced.call});
      if (observed == observed_.end() || observation_.stages[observed->second].outputs.size() < traced.tensors.size()) {
        result_.not_compared.push_back(traced.path);
        continue;
      }
      ++result_.modules_compared;
      bool agrees = true;
      for (std::size_t i = 0; i < traced.tensors.size(); ++i) {
        StageReport report;
        report.name = traced.tensors[i];
        report.path = traced.path;
        report.source = traced.source;
        report.class_name = traced.class_name;
        report.tolerance = {tolerances_.max_hidden_error, kFloat32Relative};
        judge(&report, observation_.stages[observed->second].outputs[i], stage_reference(trace_, traced.tensors[i]),
              kept_);
        agrees = agrees && report.agrees;
        if (!report.agrees) first_failure_.try_emplace(observed->second, result_.stages.size());
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

  void compare_outputs(const std::map<std::string, Values>& outputs, const std::string& prefix, bool all) {
    for (const std::string& name : trace_.outputs()) {
      const auto values = outputs.find(name);
      if (values == outputs.end()) {
        if (all) result_.not_compared.push_back(prefix + name);
        continue;
      }
      if (!is_floating(trace_.find("output." + name)->dtype)) continue;
      StageReport report;
      report.name = prefix + name;
      report.tolerance.absolute = limit_of_output(name, tolerances_);
      judge(&report, values->second, output_reference(trace_, name), kept_);
      result_.outputs.push_back(std::move(report));
    }
  }

  const Trace& trace_;
  const Observation& observation_;
  const Tolerances tolerances_;
  const KeptPositions kept_;
  std::map<std::pair<std::string, int>, std::size_t> observed_;
  std::map<std::size_t, std::size_t> first_failure_;  // observed stage -> its first report that is off
  Verification result_;
};

}  // namespace

bool Verification::agrees() const {
  const auto fine = [](const StageReport& report) { return report.agrees; };
  return not_compared.empty() && std::all_of(stages.begin(), stages.end(), fine) &&
         std::all_of(outputs.begin(), outputs.end(), fine);
}

const StageReport* Verification::first_divergence() const {
  if (!divergences.empty()) return &stages[divergences.front()];
  const auto off =
      std::find_if(outputs.begin(), outputs.end(), [](const StageReport& report) { return !report.agrees; });
  return off == outputs.end() ? nullptr : &*off;
}

Verification verify(const Trace& trace, const Observation& observation, const std::map<std::string, Values>* served,
                    const Tolerances& tolerances) {
  return Verifier(trace, observation, tolerances).run(served);
}

}  // namespace crossload::verify

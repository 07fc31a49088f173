#include "verify/judgement.h"

namespace crossload::verify {
namespace {

/// Outputs whose name says so are the hidden states that v4's command judged by a tolerance of their own.
double limit_of_output(const std::string& name, const Tolerances& tolerances) {
  return name.find("hidden") != std::string::npos ? tolerances.max_hidden_error : tolerances.max_error;
}

}  // namespace

void Judgement::stage(const std::string& name, const std::string& mask, const Values& values,
                      StageReport* report) const {
  report->limit = tolerances_.max_hidden_error;
  judge({trace_.find("stage." + name), trace_.find("stage64." + name), trace_.find("noise." + name)}, mask,
        trace_.excluded_count("stage." + name), values, report);
}

void Judgement::output(const std::string& name, const Values& values, StageReport* report) const {
  report->limit = limit_of_output(name, tolerances_);
  judge({trace_.find("output." + name), trace_.find("output64." + name), trace_.find("outputnoise." + name)},
        trace_.mask_of_output(name), trace_.excluded_count("output." + name), values, report);
}

std::vector<bool> Judgement::kept_of_output(const std::string& name, const Values& values) const {
  return kept(trace_.mask_of_output(name)).of(values.shape, values.symbolic);
}

const KeptPositions& Judgement::kept(const std::string& mask) const {
  const auto known = kept_.find(mask);
  if (known != kept_.end()) return known->second;
  const auto view = trace_.inputs().find(mask);
  if (view == trace_.inputs().end()) return kept_.emplace(mask, KeptPositions()).first->second;
  const auto ids = trace_.inputs().find("input_ids");
  const bool choices = ids != trace_.inputs().end() && ids->second.shape.size() == 3;
  return kept_.emplace(mask, KeptPositions(&view->second, choices)).first->second;
}

void Judgement::judge(const Reference& reference, const std::string& mask, bool excluded_count, const Values& values,
                      StageReport* report) const {
  Rule rule;
  rule.absolute = report->limit;
  rule.noise_multiple = tolerances_.noise_multiple;
  rule.pool = tolerances_.pool;
  rule.excluded_count = excluded_count;
  rule.strict = tolerances_.strict;
  report->comparison = compare(values, reference, kept(mask).of(values.shape, values.symbolic), rule);
}

bool is_on_request(const std::string& output) {
  return keras::are_hidden_states(output) || keras::are_attentions(output);
}

}  // namespace crossload::verify

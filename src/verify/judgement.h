// Judging one tensor of a trace: its mask, its reference, its limit.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "verify/kept_positions.h"
#include "verify/verification.h"

namespace crossload::verify {

class Judgement {
 public:
  Judgement(const Trace& trace, const Tolerances& tolerances) : trace_(trace), tolerances_(tolerances) {}

  /// Compares what a module returned with the trace's `stage.<name>`.
  void stage(const std::string& name, const std::string& mask, const Values& values, StageReport* report) const;
  /// The same with `output.<name>`.
  void output(const std::string& name, const Values& values, StageReport* report) const;
  /// Which elements of an output count, see KeptPositions::of.
  std::vector<bool> kept_of_output(const std::string& name, const Values& values) const;

 private:
  const KeptPositions& kept(const std::string& mask) const;
  void judge(const Reference& reference, const std::string& mask, bool excluded_count, const Values& values,
             StageReport* report) const;

  const Trace& trace_;
  const Tolerances& tolerances_;
  mutable std::map<std::string, KeptPositions> kept_;  // by the mask's name
};

/// True for what a model returns on request alone: hidden states and attentions, of whichever side.
bool is_on_request(const std::string& output);

}  // namespace crossload::verify

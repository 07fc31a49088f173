// How well model.tflite agrees with PyTorch.
//
// One of float32 is judged as everything that is written, by the rule of comparison.h: each output of each signature, and
// each module whose result is still a tensor of the file. The outputs of one of float16 or int8 are measured.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "verify/litert_process.h"
#include "verify/trace.h"
#include "verify/verification.h"

namespace crossload::verify {

/// How far an output is from PyTorch's at the positions that the mask keeps.
struct LitertOutput {
  std::string name;  // "serving_default.logits"
  std::string interpreter;
  std::string cell;  // of which further set of inputs; empty for the main one
  double max_error = 0;
  double mean_error = 0;
  double largest = 0;  // the largest |PyTorch|
  /// Of logits: how many of the rows, each a token or a class's choice, have their largest number elsewhere.
  std::int64_t changed = 0;
  std::int64_t rows = 0;  // 0: no logits
};

struct LitertReport {
  LitertConversion conversion;
  std::vector<LitertInterpreter> interpreters;
  std::optional<double> max_error;        // LitertOptions::max_error
  std::vector<FunctionReport> functions;  // of every interpreter, "model.tflite serving_default (ai_edge_litert)"
  std::vector<LitertOutput> outputs;
  std::vector<StageReport> stages;    // of float32 alone, in the order of execution
  std::size_t tensors_traced = 0;     // that modules of PyTorch return
  std::vector<std::string> findings;  // what is wrong besides tensors that are off

  Verdict verdict() const;
  /// Every tensor with this verdict.
  std::vector<const StageReport*> tensors_that(Verdict wanted) const;
  /// The first stage that is off, or else the first output; nullptr when all agree, and for outputs that are measured.
  const StageReport* first_divergence() const;
};

LitertReport judge_litert(const LitertConversion& conversion, const LitertRuns& runs,
                          const exporting::ServedStages& served, const Trace& trace, const Tolerances& tolerances,
                          const std::optional<double>& max_error);

}  // namespace crossload::verify

// What rules of agreement say of sound conversions and of faults: the measurements behind `make bench-agreement`.
//
//   bench_agreement [--onednn] [--threads N,N] TRACE...   traces that hold their checkpoints, converted soundly
//   bench_agreement --faults                               the table of faults, see docs/faults.md
//
// Prints one JSON object a conversion: `name`, `threads`, `onednn`, `tensors`, and over all of them `max_error` (the
// largest |TF - PT|), `absolute` (it is over 1e-5), `before` (the rule before this one refuses it), and
// `row` and `tensor`: by pool, the largest ratio of TF's distance from float64 to PyTorch's noise among elements that
// 1e-5 + 1.3e-6 |PT| does not explain; 0 when there are none.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "bytes/json.h"
#include "crossload/error.h"
#include "faults/fault.h"
#include "load/loaded_model.h"
#include "tf/library.h"
#include "verify/verification.h"

namespace crossload {
namespace {

using verify::Comparison;
using verify::StageReport;
using verify::Verification;

Verification judged(const verify::Trace& trace, const verify::Observation& observation, verify::NoisePool pool) {
  verify::Tolerances tolerances;
  tolerances.pool = pool;
  return verify::verify(trace, observation, {}, tolerances);
}

std::vector<const StageReport*> reports_of(const Verification& verification) {
  std::vector<const StageReport*> reports;
  for (const auto* list : {&verification.stages, &verification.outputs}) {
    for (const StageReport& report : *list) reports.push_back(&report);
  }
  return reports;
}

/// The rule before: outputs by 1e-5 alone, modules with the relative part, and only padded positions by the noise of
/// the whole tensor, twice.
bool refused_before(const StageReport& report) {
  constexpr double kLimit = 1e-5;
  const Comparison& c = report.comparison;
  const auto excess = [&](const verify::Distances& d) { return report.path.empty() ? d.tf_to_pt : d.excess; };
  if (!c.mismatch.empty() || excess(c.kept) > kLimit) return true;
  if (!c.has_padded || excess(c.padded) <= kLimit) return false;
  return !c.has_float64 || c.padded.tf_to_float64 > 2 * std::max(c.padded.pt_to_float64, c.padded.noise);
}

bytes::Json measured(const verify::Trace& trace, const verify::Observation& observation) {
  const Verification by_row = judged(trace, observation, verify::NoisePool::kRow);
  const Verification by_tensor = judged(trace, observation, verify::NoisePool::kTensor);
  double max_error = 0;
  bool before = !by_row.not_compared.empty();
  const auto largest_ratio = [](const Verification& verification) {
    double ratio = 0;
    for (const StageReport* report : reports_of(verification)) ratio = std::max(ratio, report->comparison.noise_ratio);
    return ratio;
  };
  for (const StageReport* report : reports_of(by_row)) {
    const Comparison& c = report->comparison;
    max_error = std::max({max_error, c.kept.tf_to_pt, c.padded.tf_to_pt});
    before = before || refused_before(*report);
  }
  bytes::Json line = bytes::Json::object();
  line.set("tensors", by_row.tensors());
  line.set("max_error", max_error);
  line.set("absolute", max_error > 1e-5);
  line.set("before", before);
  line.set("row", largest_ratio(by_row));
  line.set("tensor", largest_ratio(by_tensor));
  return line;
}

void print(const bytes::Json& line) { std::printf("%s\n", line.dump().c_str()); }

void measure_trace(const std::string& path, const std::vector<int>& threads, bool onednn,
                   const std::shared_ptr<const tf::Library>& library) {
  const checkpoint::Checkpoint checkpoint = checkpoint::Checkpoint::open(path);
  const load::LoadedModel loaded = load::load_from_pytorch(checkpoint, load::choose_class(checkpoint.config()));
  const verify::Trace trace = verify::Trace::open(path);
  const verify::ReadVariable read = [](const keras::Variable& variable, std::span<float> out) {
    keras::read_rows(variable, 0, tensor::row_count(variable.shape), out);
  };
  for (const int count : threads) {
    verify::RunOptions options;
    options.session.threads = count;
    bytes::Json line =
        measured(trace, verify::observe(library, options, *loaded.model, *loaded.weights, read, trace.inputs()));
    line.set("name", path.substr(path.find_last_of('/') + 1));
    line.set("threads", count);
    line.set("onednn", onednn);
    print(line);
  }
}

void measure_faults() {
  const faults::Bench bench(CROSSLOAD_GOLDENS_DIR);
  for (const faults::Fault& fault : faults::all_faults()) {
    const faults::Observed observed = bench.observe(fault);
    bytes::Json line = measured(observed.trace, observed.observation);
    line.set("name", fault.golden + ": " + fault.what);
    line.set("expected", fault.reason.empty());
    print(line);
  }
}

int run(int argc, char** argv) {
  CLI::App app("What rules of agreement say of sound conversions and of faults.");
  bool of_faults = false;
  bool onednn = false;
  std::vector<int> threads = {1};
  std::vector<std::string> traces;
  app.add_flag("--faults", of_faults);
  app.add_flag("--onednn", onednn);
  app.add_option("--threads", threads)->delimiter(',')->allow_extra_args(false);
  app.add_option("TRACE", traces);
  CLI11_PARSE(app, argc, argv);
  if (of_faults) {
    measure_faults();
    return 0;
  }
  const auto library = tf::Library::open({"", onednn});
  for (const std::string& path : traces) measure_trace(path, threads, onednn, library);
  return 0;
}

}  // namespace
}  // namespace crossload

int main(int argc, char** argv) {
  try {
    return crossload::run(argc, argv);
  } catch (const crossload::Error& error) {
    std::fprintf(stderr, "bench_agreement: %s\n", error.what());
    return static_cast<int>(error.kind());
  }
}

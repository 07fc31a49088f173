#include "judge.h"

#include <map>
#include <optional>
#include <string>

#include "verify/runner.h"

namespace crossload {

verify::Verification judge(const LoadedModel& loaded, const StoredWeights& artifact,
                           const std::filesystem::path& saved_model, const verify::Trace& trace,
                           const std::shared_ptr<const tf::Library>& library, int threads,
                           const verify::Tolerances& tolerances) {
  verify::RunOptions run;
  run.session.threads = threads;
  const auto read = [&](const keras::Variable& variable, std::span<float> out) {
    artifact.read(stored_name(variable), out);
  };
  const verify::Observation observation =
      verify::observe(library, run, *loaded.model, *loaded.weights, read, trace.inputs());
  std::optional<std::map<std::string, verify::Values>> served;
  if (!saved_model.empty()) served = verify::serve(library, run.session, saved_model, trace.inputs());
  return verify::verify(trace, observation, served ? &*served : nullptr, tolerances);
}

}  // namespace crossload

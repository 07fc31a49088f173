// Running a model's weights as an artifact holds them, and comparing with a trace.
#pragma once

#include <filesystem>
#include <memory>

#include "crossload/settings.h"
#include "export/stored_weights.h"
#include "load/loaded_model.h"
#include "tf/library.h"
#include "verify/verification.h"

namespace crossload::flow {

/// What was written: the variables of one format, and the SavedModel's folder; empty without one.
struct ProvedArtifact {
  const exporting::StoredWeights& variables;
  std::filesystem::path saved_model;
};

verify::Tolerances tolerances_of(const RunSettings& settings);

/// Compares every module, with variables read from the artifact; what every function of the SavedModel returns when
/// there is one; and the same on the trace's further inputs. Training functions are called once. `source` holds the
/// checkpoint's weights, with which divergences are explained; null: those of `loaded`.
verify::Verification prove(const load::LoadedModel& loaded, const ProvedArtifact& artifact, const verify::Trace& trace,
                           const RunSettings& settings, const std::shared_ptr<const tf::Library>& library,
                           const keras::Weights* source = nullptr);

}  // namespace crossload::flow

// Running a model's weights as an artifact holds them, and comparing with a trace.
#pragma once

#include <filesystem>
#include <memory>

#include "export/stored_weights.h"
#include "load/loaded_model.h"
#include "tf/library.h"
#include "verify/verification.h"

namespace crossload {

/// Compares every module, with variables read from the artifact; what every function of the SavedModel returns when
/// there is one (`saved_model` not empty); and the same on the trace's further inputs. Training functions are called
/// once. `source` holds the checkpoint's weights, with which divergences are explained; null: those of `loaded`.
verify::Verification judge(const LoadedModel& loaded, const StoredWeights& artifact,
                           const std::filesystem::path& saved_model, const verify::Trace& trace,
                           const std::shared_ptr<const tf::Library>& library, int threads,
                           const verify::Tolerances& tolerances, const keras::Weights* source = nullptr);

}  // namespace crossload

#include "crossload/compare.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "checkpoint/checkpoint.h"
#include "crossload/error.h"
#include "flow/certify.h"
#include "flow/comparison.h"
#include "flow/configuration.h"
#include "flow/half_precision.h"
#include "flow/litert_comparison.h"
#include "flow/prove.h"
#include "flow/python_module.h"
#include "flow/reference_trace.h"
#include "load/loaded_model.h"
#include "verify/binding.h"

namespace crossload::flow {
namespace {

void require_reference(const CompareOptions& options) {
  if (!options.settings.reference.empty() || !options.model.empty()) return;
  throw Error(ErrorKind::kUsage,
              "a live reference needs the PyTorch checkpoint: name it with --model-name, or give a trace "
              "with --reference");
}

/// The checkpoint to compare tensors with: the one named, or the weights inside a golden.
std::optional<checkpoint::Checkpoint> find_checkpoint(const CompareOptions& options, const verify::Trace& trace) {
  if (!options.model.empty()) return checkpoint::Checkpoint::open(options.model);
  if (trace.has_weights()) return checkpoint::Checkpoint::open(options.settings.reference);
  return std::nullopt;
}

/// See CompareOptions::litert_max_error.
bool has_own_limit(const CompareOptions& options, const verify::LitertReport& litert) {
  return !options.litert_type && options.litert_max_error && litert.conversion.type != LitertType::kFloat32;
}

}  // namespace

Outcome compare(const CompareOptions& options, const ComparisonSteps& steps) {
  RunSettings settings = options.settings;
  steps.reading.begin();
  const ArtifactModel artifact(options);
  const load::LoadedModel& loaded = artifact.loaded();
  const exporting::StoredWeights& variables = artifact.variables();
  const auto& library = artifact.library();
  verify::CertificateParts parts = begin_certificate(loaded, options.artifact, settings, library.get());
  parts.artifact = options.artifact;

  steps.waiting.begin();
  require_reference(options);
  const DType dtype = common_dtype(variables);
  std::optional<checkpoint::Checkpoint> checkpoint;
  std::optional<load::LoadedModel> source;
  const auto open_source = [&] {
    source = load::load_from_pytorch(
        *checkpoint,
        loaded.model_class.sentence ? load::choose_class(*checkpoint, load::kSentenceTransformer) : loaded.model_class,
        settings.ignore_tensors);
    source->weights->store_as(dtype);
    parts.precision = {dtype, count_rounded(*source->weights), source->weights->variables().size(), {}};
  };
  if (dtype != DType::kF32 && !options.model.empty()) {  // how PyTorch is to run depends on it
    checkpoint = checkpoint::Checkpoint::open(options.model);
    open_source();
  }
  const std::string weights = reference_weights(dtype, parts.precision.rounded);
  const auto reference = ReferenceTrace::find(options.model, settings, loaded, weights);
  const verify::Trace trace = reference->open(steps.waiting);

  steps.binding.begin();
  if (!checkpoint) checkpoint = find_checkpoint(options, trace);
  if (checkpoint && !source) open_source();
  if (source) {
    parts.binding = verify::find_binding_faults(*source->weights, variables);
    parts.ledger = source->weights->ledger();
    parts.read = load::files_of(*checkpoint, source->model_class, settings.trust_remote_code);
    parts.read_below = checkpoint->path();
    parts.notes = source->weights->notes();
  }

  std::optional<verify::LitertReport> litert;
  if (steps.running_litert) {
    litert = compare_litert(options, loaded, trace, library, *steps.running_litert);
    parts.litert = &*litert;
    if (has_own_limit(options, *litert)) settings.max_error = std::min(settings.max_error, RunSettings().max_error);
  }

  steps.computing.begin();
  const verify::Verification verification = prove(loaded, {variables, artifact.saved_model()}, trace, settings, library,
                                                  source ? source->weights.get() : nullptr);
  add_proof(trace, verification, settings, &parts);
  if (!verification.agrees()) parts.configuration = configuration_differences(loaded.model->config(), trace);

  Outcome outcome = certify(parts, settings);
  outcome.output = options.artifact;
  return outcome;
}

}  // namespace crossload::flow

namespace crossload {

Outcome compare(const CompareOptions& options, const Progress& progress) {
  const flow::PythonModule module(options.settings, options.model, progress);
  flow::Steps steps(progress);
  return flow::compare(module.applied_to(options), flow::ComparisonSteps(options.artifact, &steps));
}

}  // namespace crossload

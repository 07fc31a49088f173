#include "crossload/convert.h"

#include <memory>
#include <optional>

#include "artifact/artifact_writer.h"
#include "artifact/weight_formats.h"
#include "bytes/output_file.h"
#include "checkpoint/checkpoint.h"
#include "crossload/error.h"
#include "flow/caveats.h"
#include "flow/certify.h"
#include "flow/conversion_steps.h"
#include "flow/half_precision.h"
#include "flow/litert.h"
#include "flow/prove.h"
#include "flow/python_module.h"
#include "flow/reference_trace.h"
#include "flow/way.h"
#include "flow/written_models.h"

namespace crossload {
namespace {

Outcome convert_checkpoint(const ConvertOptions& wanted, const Progress& progress) {
  if (wanted.formats.empty()) throw Error(ErrorKind::kUsage, "--formats: none given; there are " + format_names());
  const checkpoint::Checkpoint checkpoint = checkpoint::Checkpoint::open(wanted.model);
  const flow::Way way = flow::choose_way(checkpoint, wanted.settings);
  const ConvertOptions options = flow::possible(wanted, way);
  flow::require_formats_hold(options.dtype, options.formats);
  const RunSettings& settings = options.settings;
  const bool has_saved_model = options.formats.contains(Format::kSavedModel);
  const bool has_litert = options.formats.contains(Format::kLitert);
  flow::Steps counted(progress);
  const flow::ConversionSteps steps(options, &counted);

  steps.reading.begin();
  // A traced model runs before its variables are known: PyTorch rounds its weights whether that changes them or not.
  std::string weights = flow::reference_weights(options.dtype, options.dtype != DType::kF32);
  auto reference =
      way.traced ? flow::ReferenceTrace::traced(options.model, settings, options.verify, weights) : nullptr;
  const flow::WrittenModels models(checkpoint, settings, options.formats, options.dtype,
                                   way.traced ? reference->program(steps.reading, way.no_class) : nullptr);
  const load::LoadedModel& loaded = models.whole();
  const std::size_t rounded = flow::count_rounded(*loaded.weights);
  if (!way.traced) weights = flow::reference_weights(options.dtype, rounded);
  artifact::ArtifactWriter artifact(options.output, models.source(), options.formats, options.new_weights);
  const auto library = options.verify || has_saved_model || has_litert
                           ? tf::Library::open({settings.tensorflow, settings.onednn})
                           : nullptr;
  flow::LitertModel litert(options, loaded, library);
  // Hashes are computed beside the rest: of what is read while it is written, of what was written while it is compared.
  verify::FileHashes hashes;
  hashes.start(models.files());
  // PyTorch starts now, in the background, and computes while the formats are written.
  if (options.verify && !way.traced) {
    reference = flow::ReferenceTrace::find(models.reference(options.model), settings, loaded, weights);
  }

  for (const auto& [format, writing] : steps.writing) {
    writing.begin();
    if (format == Format::kLitert) {
      litert.write(artifact.path(), writing);
      continue;
    }
    const load::LoadedModel& written = models.of(format);
    artifact::write_weights({written.model_class.tensorflow_name(), *written.model, *written.weights}, format,
                            options.max_shard_size, library, artifact.path());
  }
  models.write_program(artifact.path());
  hashes.start(artifact.files());

  steps.reading_back.begin();
  verify::CertificateParts parts = flow::begin_certificate(loaded, options.model, settings, library.get());
  const flow::WrittenWeights written = litert.open_weights(artifact.path());
  std::vector<artifact::NotFinite> not_finite;
  for (const auto& [format, stored] : written) {
    const auto found = artifact::check_read_back(*models.of(format).weights, *stored, format);
    if (found.size() > not_finite.size()) not_finite = found;  // the same in each that has the same variables
    if (format != name_of(Format::kLitert)) parts.read_back.push_back(format);
  }
  parts.read = models.files();
  parts.read_below = checkpoint.path();
  parts.ledger = loaded.weights->ledger();
  parts.notes = models.notes();
  if (const auto note = flow::note_of_weights(not_finite, parts.ledger)) parts.notes.push_back(*note);
  parts.artifact = artifact.path();
  parts.hashes = &hashes;

  parts.precision = {options.dtype, rounded, loaded.weights->variables().size(), {}};

  std::optional<verify::Trace> trace;
  std::optional<verify::Verification> verification;
  if (options.verify) {
    steps.waiting->begin();
    trace = reference->open(*steps.waiting);
    flow::require_weights(*trace, weights);
    steps.computing->begin();
    const auto saved_model = has_saved_model ? artifact.path() / artifact::kSavedModelFolder : std::filesystem::path();
    verification = flow::prove(loaded, {*written.front().second, saved_model}, *trace, settings, library);
    flow::add_proof(*trace, *verification, settings, &parts);
  }

  parts.litert = litert.report(artifact.path(), trace ? &*trace : nullptr, steps.running_litert);

  steps.certifying.begin();
  Outcome outcome = flow::certify(parts, settings);
  outcome.output = options.output;
  if (options.verify && !outcome.agrees) return outcome;
  bytes::write_file(artifact.path() / artifact::kCertificateFile, outcome.certificate);
  outcome.files = artifact::files_below(artifact.path());
  artifact.commit();
  outcome.notes.insert(outcome.notes.end(), artifact.notes().begin(), artifact.notes().end());
  outcome.written = true;
  return outcome;
}

}  // namespace

Outcome convert(const ConvertOptions& options, const Progress& progress) {
  const flow::PythonModule module(options.settings, options.model, progress);
  return convert_checkpoint(module.applied_to(options), progress);
}

}  // namespace crossload

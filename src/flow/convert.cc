#include "crossload/convert.h"

#include <map>
#include <memory>
#include <optional>
#include <set>

#include "artifact/artifact_writer.h"
#include "artifact/weight_formats.h"
#include "bytes/output_file.h"
#include "checkpoint/checkpoint.h"
#include "crossload/error.h"
#include "flow/certify.h"
#include "flow/half_precision.h"
#include "flow/not_finite.h"
#include "flow/prove.h"
#include "flow/reference_trace.h"
#include "flow/steps.h"
#include "flow/written_models.h"

namespace crossload {
namespace {

std::map<Format, flow::Step> add_each(const std::set<Format>& formats, flow::Steps* steps) {
  std::map<Format, flow::Step> writing;
  for (const Format format : formats) writing.emplace(format, steps->add("writing " + artifact::written_name(format)));
  return writing;
}

/// What a conversion does, in the order of the members.
struct ConversionSteps {
  ConversionSteps(const ConvertOptions& options, flow::Steps* steps)
      : reading(steps->add("reading " + options.model.string())),
        writing(add_each(options.formats, steps)),
        reading_back(steps->add("reading back what was written")),
        waiting(options.verify ? std::optional(steps->add("waiting for PyTorch")) : std::nullopt),
        computing(options.verify ? std::optional(steps->add("comparing every module")) : std::nullopt),
        certifying(steps->add("writing crossload.json")) {}
  const flow::Step reading;
  const std::map<Format, flow::Step> writing;
  const flow::Step reading_back;
  const std::optional<flow::Step> waiting, computing;
  const flow::Step certifying;
};

}  // namespace

Outcome convert(const ConvertOptions& options, const Progress& progress) {
  if (options.formats.empty())
    throw Error(ErrorKind::kUsage, "--formats: none given; there are h5, safetensors, saved_model");
  flow::require_formats_hold(options.dtype, options.formats);
  const RunSettings& settings = options.settings;
  const bool has_saved_model = options.formats.contains(Format::kSavedModel);
  flow::Steps counted(progress);
  const ConversionSteps steps(options, &counted);

  steps.reading.begin();
  const checkpoint::Checkpoint checkpoint = checkpoint::Checkpoint::open(options.model);
  const flow::WrittenModels models(checkpoint, settings, options.formats, options.dtype);
  const load::LoadedModel& loaded = models.whole();
  const std::size_t rounded = flow::count_rounded(*loaded.weights);
  const std::string weights = flow::reference_weights(options.dtype, rounded);
  artifact::ArtifactWriter artifact(options.output, models.source(), options.formats, options.new_weights);
  const auto library =
      options.verify || has_saved_model ? tf::Library::open({settings.tensorflow, settings.onednn}) : nullptr;
  // Hashes are computed beside the rest: of what is read while it is written, of what was written while it is compared.
  verify::FileHashes hashes;
  hashes.start(models.files());
  // PyTorch starts now, in the background, and computes while the formats are written.
  const auto reference =
      options.verify ? flow::ReferenceTrace::find(models.reference(options.model), settings, loaded, weights) : nullptr;

  for (const auto& [format, writing] : steps.writing) {
    writing.begin();
    const load::LoadedModel& written = models.of(format);
    artifact::write_weights({written.model_class.head->name, *written.model, *written.weights}, format,
                            options.max_shard_size, library, artifact.path());
  }
  hashes.start(artifact.files());

  steps.reading_back.begin();
  verify::CertificateParts parts = flow::begin_certificate(loaded, options.model, settings, library.get());
  const auto written = artifact::open_written(options.formats, artifact.path());
  std::vector<artifact::NotFinite> not_finite;
  for (const auto& [format, stored] : written) {
    const auto found = artifact::check_read_back(*models.of(format).weights, *stored, format);
    if (found.size() > not_finite.size()) not_finite = found;  // the same in each that has the same variables
    parts.read_back.push_back(format);
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

}  // namespace crossload

#include "crossload/convert.h"

#include <memory>
#include <optional>

#include "artifact_folder.h"
#include "crossload/error.h"
#include "export/output_file.h"
#include "export/staging.h"
#include "loaded_model.h"
#include "summary.h"
#include "verify/certificate.h"
#include "verify/reference.h"
#include "weight_formats.h"

namespace crossload {
namespace {

namespace fs = std::filesystem;

/// Counts the steps of a job.
class Steps {
 public:
  Steps(const Progress& progress, int count) : progress_(progress), count_(count) {}
  void next(const std::string& what) {
    ++step_;
    say(what);
  }
  void say(const std::string& what) const {
    if (progress_) progress_(step_, count_, what);
  }

 private:
  const Progress& progress_;
  int count_;
  int step_ = 0;
};

std::unique_ptr<verify::ReferenceProcess> start_reference(const ConvertOptions& options, const fs::path& trace,
                                                          const ModelClass& model_class) {
  if (!options.verify || !options.reference.empty()) return nullptr;
  verify::ReferenceOptions reference;
  reference.python = options.python;
  reference.model_class = model_class.pytorch_name();
  reference.threads = options.threads;
  return std::make_unique<verify::ReferenceProcess>(options.model, trace, reference);
}

verify::Verification run_verification(const ConvertOptions& options, const LoadedModel& loaded,
                                      const std::shared_ptr<const tf::Library>& library, const verify::Trace& trace,
                                      const StoredWeights& stored, const fs::path& folder) {
  verify::RunOptions run;
  run.session.threads = options.threads;
  const auto read = [&](const keras::Variable& variable, std::span<float> out) { stored.read(stored_name(variable), out); };
  const verify::Observation observation =
      verify::observe(library, run, *loaded.model, *loaded.weights, read, trace.inputs());
  std::optional<std::map<std::string, verify::Values>> served;
  if (options.formats.contains(Format::kSavedModel)) {
    served = verify::serve(library, run.session, folder / "saved_model", trace.inputs());
  }
  return verify::verify(trace, observation, served ? &*served : nullptr,
                        {options.max_error, options.max_hidden_error});
}

}  // namespace

ConvertResult convert(const ConvertOptions& options, const Progress& progress) {
  const bool needs_tensorflow = options.verify || options.formats.contains(Format::kSavedModel);
  Steps steps(progress, 3 + static_cast<int>(options.formats.size()) + (options.verify ? 2 : 0));
  if (options.formats.empty()) throw Error(ErrorKind::kUsage, "--formats: none given; there are h5, safetensors, saved_model");

  steps.next("reading " + options.model.string());
  const Checkpoint checkpoint = Checkpoint::open(options.model);
  const LoadedModel loaded = load_from_pytorch(checkpoint, choose_class(checkpoint.config(), options.override_model_class));
  check_target(options);
  const std::shared_ptr<const tf::Library> library =
      needs_tensorflow ? tf::Library::open({options.tensorflow, options.onednn}) : nullptr;
  Staging staging(options.output);
  const fs::path recorded = options.reference.empty() ? fs::path(staging.path().string() + ".trace") : options.reference;
  const auto reference = start_reference(options, recorded, loaded.model_class);

  write_weights(loaded, options.formats, options.max_shard_size, library, staging.path(),
                [&](const std::string& what) { steps.next(what); });
  write_companions(checkpoint.path(), checkpoint.config(), loaded.model_class.pytorch_name(), staging.path());

  steps.next("reading back what was written");
  const auto written = open_written(options.formats, staging.path());
  verify::CertificateParts parts;
  for (const auto& [format, stored] : written) {
    check_read_back(*loaded.weights, *stored, format);
    parts.read_back.push_back(format);
  }

  std::optional<verify::Trace> trace;
  std::optional<verify::Verification> verification;
  if (options.verify) {
    steps.next("waiting for PyTorch");
    if (reference) reference->wait([&](const std::string& what) { steps.say("PyTorch: " + what); });
    trace = verify::Trace::open(recorded);
    if (reference) fs::remove(recorded);  // mapped: its bytes stay readable
    steps.next("comparing every module");
    verification = run_verification(options, loaded, library, *trace, *written.front().second, staging.path());
    parts.trace = &*trace;
    parts.verification = &*verification;
  }

  steps.next("writing crossload.json");
  parts.model = options.model.filename().string();
  parts.tensorflow_class = loaded.model_class.head->name;
  parts.tensorflow_version = library ? library->version() : "";
  parts.threads = options.threads;
  parts.onednn = options.onednn;
  parts.read = checkpoint.files();
  parts.artifact = staging.path();
  parts.ledger = loaded.weights->ledger();
  parts.tolerances = {options.max_error, options.max_hidden_error};
  const std::string certificate = verify::certificate(parts).dump_pretty();
  if (!options.json.empty()) write_file(options.json, certificate);

  ConvertResult result = summarize(parts, certificate);
  result.output = options.output;
  if (!options.verify || result.agrees) {
    write_file(staging.path() / "crossload.json", certificate);
    result.files = files_below(staging.path());
    staging.keep(is_kept);
    staging.commit();
    result.written = true;
  }
  return result;
}

void record(const RecordOptions& options, const Progress& progress) {
  Steps steps(progress, 1);
  steps.next("starting Python");
  verify::ReferenceOptions reference;
  reference.python = options.python;
  reference.threads = options.threads;
  reference.seed = options.seed;
  reference.model_class = options.override_model_class;
  verify::ReferenceProcess process(options.model, options.output, reference);
  process.wait([&](const std::string& what) { steps.say("PyTorch: " + what); });
}

}  // namespace crossload

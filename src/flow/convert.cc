#include "crossload/convert.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "artifact/artifact_writer.h"
#include "artifact/weight_formats.h"
#include "bytes/output_file.h"
#include "crossload/error.h"
#include "flow/judge.h"
#include "flow/reference_trace.h"
#include "flow/steps.h"
#include "flow/summary.h"
#include "load/loaded_model.h"
#include "verify/certificate.h"
#include "verify/report.h"

namespace crossload {
namespace {

namespace fs = std::filesystem;

/// The class that PyTorch runs and what it takes in TensorFlow. A checkpoint that has no class here is left to PyTorch.
void choose_class_of(const RecordOptions& options, verify::ReferenceOptions* reference) {
  reference->model_class = options.override_model_class;
  const Config config = Checkpoint::open(options.model).config();
  try {
    const ModelClass model_class = choose_class(config, options.override_model_class);
    reference->signature = signature_text(*load_without_weights(config, model_class).model);
    reference->model_class = model_class.pytorch_name();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kUnsupported) throw;
  }
}

/// At most so many names are in a sentence.
constexpr std::size_t kNamesInASentence = 3;

/// "a (1 of 4 elements), b (2 of 4 elements) and 3 more"
std::string list_of(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kNamesInASentence); ++i) text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > kNamesInASentence) text += " and " + std::to_string(names.size() - kNamesInASentence) + " more";
  return text;
}

std::string share(const std::string& name, std::int64_t elements, std::int64_t of) {
  return name + " (" + std::to_string(elements) + " of " + std::to_string(of) + " elements)";
}

void note_weights(const std::vector<NotFinite>& found, const std::vector<keras::LedgerEntry>& ledger,
                  std::vector<std::string>* notes) {
  if (found.empty()) return;
  std::vector<std::string> names;
  for (const NotFinite& one : found) {
    const auto entry = std::find_if(ledger.begin(), ledger.end(), [&](const keras::LedgerEntry& row) {
      return row.fate == keras::LedgerEntry::Fate::kBound && row.detail == one.variable;
    });
    names.push_back(share(entry == ledger.end() ? one.variable : entry->key, one.elements, one.of));
  }
  notes->push_back("the checkpoint holds NaN or infinity in " + list_of(names) +
                   "; TensorFlow gets the same, so that agreement does not mean that the model is sound");
}

void note_outputs(const verify::Verification& verification, std::vector<std::string>* notes) {
  std::vector<std::string> names;
  std::vector<std::string> members;  // of lists, such as hidden_states.1
  for (const verify::StageReport& output : verification.outputs) {
    const verify::Comparison& comparison = output.comparison;
    if (comparison.not_finite == 0) continue;
    const bool is_member = std::count(output.name.begin(), output.name.end(), '.') > 1;
    (is_member ? members : names).push_back(share(output.name, comparison.not_finite, comparison.kept_elements));
  }
  names.insert(names.end(), members.begin(), members.end());
  if (names.empty()) return;
  notes->push_back("NaN or infinity in both frameworks, which agree and say nothing: " + list_of(names));
}

}  // namespace

ConvertResult convert(const ConvertOptions& options, const Progress& progress) {
  const bool needs_tensorflow = options.verify || options.formats.contains(Format::kSavedModel);
  Steps steps(progress, 3 + static_cast<int>(options.formats.size()) + (options.verify ? 2 : 0));
  if (options.formats.empty())
    throw Error(ErrorKind::kUsage, "--formats: none given; there are h5, safetensors, saved_model");

  steps.next("reading " + options.model.string());
  const Checkpoint checkpoint = Checkpoint::open(options.model);
  const LoadedModel loaded = load_from_pytorch(
      checkpoint, choose_class(checkpoint.config(), options.override_model_class), options.ignore_tensors);
  const ModelClass& model_class = loaded.model_class;
  ArtifactWriter artifact(options.output,
                          {checkpoint.path(), checkpoint.files(), checkpoint.config(), model_class.pytorch_name(),
                           model_class.architecture->model_type},
                          options.formats, options.new_weights);
  const std::shared_ptr<const tf::Library> library =
      needs_tensorflow ? tf::Library::open({options.tensorflow, options.onednn}) : nullptr;
  // Hashes are computed beside the rest: of what is read while it is written, of what was written while it is compared.
  verify::FileHashes hashes;
  hashes.start(checkpoint.files());
  // PyTorch starts now, in the background, and computes while the formats are written.
  const ReferenceRequest request = {options.model,  options.reference, options.python,
                                    options.inputs, options.grid,      options.threads};
  const auto reference = options.verify ? ReferenceTrace::find(request, loaded) : nullptr;

  write_weights({model_class.head->name, *loaded.model, *loaded.weights}, options.formats, options.max_shard_size,
                library, artifact.path(), [&](const std::string& what) { steps.next(what); });

  std::vector<fs::path> files_written;
  for (const std::string& file : files_below(artifact.path())) files_written.push_back(artifact.path() / file);
  hashes.start(files_written);
  steps.next("reading back what was written");
  const auto written = open_written(options.formats, artifact.path());
  verify::CertificateParts parts;
  parts.notes = loaded.weights->notes();
  for (const auto& [format, stored] : written) {
    const std::vector<NotFinite> found = check_read_back(*loaded.weights, *stored, format);
    if (parts.read_back.empty()) note_weights(found, loaded.weights->ledger(), &parts.notes);
    parts.read_back.push_back(format);
  }

  std::optional<verify::Trace> trace;
  std::optional<verify::Verification> verification;
  if (options.verify) {
    steps.next("waiting for PyTorch");
    trace = reference->open(steps);
    steps.next("comparing every module");
    const fs::path saved_model =
        options.formats.contains(Format::kSavedModel) ? artifact.path() / kSavedModelFolder : fs::path();
    parts.tolerances = {options.max_error, options.max_hidden_error, options.strict};
    verification =
        judge(loaded, *written.front().second, saved_model, *trace, library, options.threads, parts.tolerances);
    const std::vector<std::string>& notes = trace->notes();
    parts.notes.insert(parts.notes.end(), notes.begin(), notes.end());
    note_outputs(*verification, &parts.notes);
    parts.trace = &*trace;
    parts.verification = &*verification;
  }

  steps.next("writing crossload.json");
  parts.model = options.name.empty() ? options.model.filename().string() : options.name;
  parts.tensorflow_class = loaded.model_class.head->name;
  parts.tensorflow_version = library ? library->version() : "";
  parts.threads = options.threads;
  parts.onednn = options.onednn;
  parts.read = checkpoint.files();
  parts.hashes = &hashes;
  parts.artifact = artifact.path();
  parts.ledger = loaded.weights->ledger();
  parts.grid = options.grid;
  const Json document = verify::certificate(parts);
  const std::string certificate = document.dump_pretty();
  if (!options.json.empty()) write_file(options.json, certificate);
  if (!options.report.empty()) write_file(options.report, verify::report_html(document));

  ConvertResult result = summarize(parts, certificate);
  result.output = options.output;
  if (!options.verify || result.agrees) {
    write_file(artifact.path() / kCertificateFile, certificate);
    result.files = files_below(artifact.path());
    artifact.commit();
    result.notes.insert(result.notes.end(), artifact.notes().begin(), artifact.notes().end());
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
  choose_class_of(options, &reference);
  reference.inputs = options.inputs;
  reference.grid = options.grid;
  verify::ReferenceProcess process(options.model, options.output, reference);
  process.wait([&](const std::string& what) { steps.say("PyTorch: " + what); });
}

}  // namespace crossload

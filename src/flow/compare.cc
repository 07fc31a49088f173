#include "crossload/compare.h"

#include <cstdio>
#include <optional>
#include <set>

#include "artifact/artifact_folder.h"
#include "bytes/output_file.h"
#include "crossload/error.h"
#include "flow/judge.h"
#include "flow/reference_trace.h"
#include "flow/steps.h"
#include "flow/summary.h"
#include "load/loaded_model.h"
#include "verify/binding.h"
#include "verify/certificate.h"
#include "verify/report.h"

namespace crossload {
namespace {

namespace fs = std::filesystem;

/// Fields of a configuration that say nothing about what a model computes.
const std::set<std::string>& silent_fields() {
  static const std::set<std::string> fields = {"_name_or_path", "architectures",        "dtype",
                                               "torch_dtype",   "transformers_version", "return_dict",
                                               "use_cache",     "_attn_implementation"};
  return fields;
}

/// A field as a person would write it.
std::string as_text(const Json& value) {
  if (!value.is_number() || value.is_integer()) return value.dump();
  char text[32];
  std::snprintf(text, sizeof(text), "%g", value.as_number());
  return text;
}

/// "layer_norm_eps is 1e-05 in the artifact, 1e-12 in PyTorch", for each field that both have and that differs.
std::vector<std::string> configuration_differences(const Config& artifact, const verify::Trace& trace) {
  std::vector<std::string> differences;
  const Config reference = Config::parse(trace.metadata("config"), "config of the trace");
  for (const auto& [name, value] : reference.json().members()) {
    if (silent_fields().contains(name) || value.is_null() || !artifact.has(name)) continue;
    const Json ours = artifact.json().at(name);
    if (ours.dump() == value.dump()) continue;
    differences.push_back(name + " is " + as_text(ours) + " in the artifact, " + as_text(value) + " in PyTorch");
  }
  return differences;
}

/// The checkpoint to compare tensors with: the one named, or the weights inside a golden.
std::optional<Checkpoint> find_checkpoint(const CompareOptions& options, const verify::Trace& trace) {
  if (!options.model.empty()) return Checkpoint::open(options.model);
  if (trace.has_weights()) return Checkpoint::open(options.reference);
  return std::nullopt;
}

}  // namespace

ConvertResult compare(const CompareOptions& options, const Progress& progress) {
  Steps steps(progress, 4);
  steps.next("reading " + options.artifact.string());
  const std::unique_ptr<StoredWeights> artifact = open_artifact(options.artifact);
  const LoadedModel loaded = load_from_tensorflow(options.artifact, options.override_model_class);
  const auto library = tf::Library::open({options.tensorflow, options.onednn});

  steps.next("waiting for PyTorch");
  if (options.reference.empty() && options.model.empty()) {
    throw Error(ErrorKind::kUsage,
                "a live reference needs the PyTorch checkpoint: name it with --model-name, or give a trace "
                "with --reference");
  }
  const auto reference = ReferenceTrace::find(
      {options.model, options.reference, options.python, options.inputs, options.grid, options.threads}, loaded);
  const verify::Trace trace = reference->open(steps);

  steps.next("comparing every variable");
  verify::CertificateParts parts;
  const std::optional<Checkpoint> checkpoint = find_checkpoint(options, trace);
  std::optional<LoadedModel> source;
  if (checkpoint) {
    source = load_from_pytorch(*checkpoint, loaded.model_class, options.ignore_tensors);
    parts.binding = verify::find_binding_faults(*source->weights, *artifact);
    parts.ledger = source->weights->ledger();
    parts.read = checkpoint->files();
    parts.notes = source->weights->notes();
  }

  steps.next("comparing every module");
  parts.tolerances = {options.max_error, options.max_hidden_error, options.strict};
  const verify::Verification verification =
      judge(loaded, *artifact, ArtifactFolder(options.artifact).saved_model(), trace, library, options.threads,
            parts.tolerances, source ? source->weights.get() : nullptr);

  parts.model = options.name.empty() ? options.artifact.filename().string() : options.name;
  parts.tensorflow_class = loaded.model_class.head->name;
  parts.tensorflow_version = library->version();
  parts.threads = options.threads;
  parts.onednn = options.onednn;
  parts.grid = options.grid;
  parts.notes.insert(parts.notes.end(), trace.notes().begin(), trace.notes().end());
  parts.artifact = options.artifact;
  parts.trace = &trace;
  parts.verification = &verification;
  if (!verification.agrees()) parts.configuration = configuration_differences(loaded.model->config(), trace);
  const Json document = verify::certificate(parts);
  const std::string certificate = document.dump_pretty();
  if (!options.json.empty()) write_file(options.json, certificate);
  if (!options.report.empty()) write_file(options.report, verify::report_html(document));
  ConvertResult result = summarize(parts, certificate);
  result.output = options.artifact;
  return result;
}

}  // namespace crossload

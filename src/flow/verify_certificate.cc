#include "crossload/verify_certificate.h"

#include <algorithm>
#include <optional>

#include "artifact/artifact_folder.h"
#include "artifact/weight_formats.h"
#include "bytes/output_file.h"
#include "bytes/text_file.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/companions.h"
#include "checkpoint/weight_files.h"
#include "crossload/error.h"
#include "flow/comparison.h"
#include "flow/half_precision.h"
#include "flow/litert_comparison.h"
#include "flow/python_module.h"
#include "flow/steps.h"
#include "load/loaded_model.h"
#include "verify/binding.h"
#include "verify/certificate_check.h"
#include "verify/replay.h"

namespace crossload {
namespace {

namespace fs = std::filesystem;
using Kind = CertificateCheck::Kind;

void require_usable(const VerifyCertificateOptions& options) {
  if (!fs::is_directory(options.artifact)) {
    throw Error(ErrorKind::kUsage, options.artifact.string() + ": is no folder; give the artifact's folder");
  }
  if (!options.checkpoint.empty() && !fs::exists(options.checkpoint)) {
    throw Error(ErrorKind::kUsage,
                options.checkpoint.string() + ": is not there; give the checkpoint's folder with --checkpoint");
  }
  if (options.replay && options.checkpoint.empty() && options.reference.empty()) {
    throw Error(ErrorKind::kUsage,
                "--replay needs what PyTorch computes: give the checkpoint with --checkpoint, or a trace "
                "with --reference");
  }
}

verify::Loaded loaded_as(const fs::path& relative) {
  const std::string first = relative.begin()->string();
  if (first == artifact::kSavedModelFolder) return verify::Loaded::kWeights;
  if (std::next(relative.begin()) != relative.end()) return verify::Loaded::kNever;
  if (checkpoint::is_file_of_any_variant(first, checkpoint::kSafetensorsWeights) || first.ends_with(".h5") ||
      first == artifact::kLitertFile || first == checkpoint::index_of(checkpoint::kH5Weights)) {
    return verify::Loaded::kWeights;
  }
  return checkpoint::is_config_or_companion(first) ? verify::Loaded::kCompanion : verify::Loaded::kNever;
}

/// What differs from the checkpoint in one format of the artifact.
CertificateCheck read_back_again(Format format, const fs::path& artifact, const load::LoadedModel& source) {
  const std::string subject = "replay: " + std::string(name_of(format));
  try {
    const auto stored = artifact::open_written({format}, artifact);
    source.weights->store_as(flow::common_dtype(*stored.front().second));
    const auto faults = verify::find_binding_faults(*source.weights, *stored.front().second);
    if (!faults.empty()) {
      return {Kind::kDiffers, subject,
              (faults.size() == 1 ? std::string("1 variable is") : std::to_string(faults.size()) + " variables are") +
                  " not the checkpoint's: " + faults[0].variable + ": " + faults[0].what};
    }
    return {Kind::kHolds, subject, "every variable is bit by bit the checkpoint's"};
  } catch (const Error& error) {
    return {Kind::kDiffers, subject, error.what()};
  }
}

/// The tensors that were left aside, by the user or by the class.
load::IgnoredTensors ignored_in(const bytes::Json& certificate) {
  load::IgnoredTensors ignored;
  for (const bytes::Json& entry : certificate.at("ledger").elements()) {
    if (entry.at("fate").as_string() != "ignored") continue;
    ignored.emplace_back(entry.at("tensor").as_string(), entry.at("reason").as_string());
  }
  return ignored;
}

/// The checkpoint as a format has it.
load::LoadedModel load_again(const bytes::Json& certificate, const VerifyCertificateOptions& options, Format format) {
  const checkpoint::Checkpoint checkpoint = checkpoint::Checkpoint::open(options.checkpoint);
  const load::ModelClass model_class =
      load::choose_class(options.artifact, checkpoint, certificate.at("class").as_string());
  return load::load_from_pytorch(checkpoint, model_class.written_as(format), ignored_in(certificate));
}

/// Every format that was read back before: compare() looks at the variables of one.
std::vector<CertificateCheck> read_back_again(const bytes::Json& certificate, const VerifyCertificateOptions& options) {
  if (options.checkpoint.empty()) return {};
  std::vector<CertificateCheck> checks;
  for (const bytes::Json& format : certificate.at("read_back").elements()) {
    Format known = Format::kSavedModel;
    parse_format(format.as_string(), &known);  // the schema has only names that are known
    checks.push_back(read_back_again(known, options.artifact, load_again(certificate, options, known)));
  }
  return checks;
}

/// The same comparison as the certified one.
CompareOptions certified_comparison(const bytes::Json& certificate, const VerifyCertificateOptions& options) {
  CompareOptions again{.artifact = options.artifact, .model = options.checkpoint};
  RunSettings& settings = again.settings;
  settings.name = certificate.at("model").as_string();
  settings.override_model_class = certificate.at("class").as_string();
  settings.ignore_tensors = ignored_in(certificate);
  settings.reference = options.reference;
  settings.trust_remote_code = options.trust_remote_code;
  settings.inputs = options.inputs;
  settings.grid = certificate.at("settings").at("grid").as_string();
  settings.max_error = certificate.at("tolerances").at("max_error").as_number();
  settings.max_hidden_error = certificate.at("tolerances").at("max_hidden_error").as_number();
  settings.strict = certificate.at("tolerances").at("strict").as_bool();
  settings.tensorflow = options.tensorflow;
  settings.python = options.python;
  settings.threads = static_cast<int>(certificate.at("settings").at("threads").as_integer());
  settings.onednn = certificate.at("settings").at("onednn").as_bool();
  parse_word(certificate.at("precision").at("dtype").as_string(), &again.dtype);
  if (!certificate.contains("litert")) return again;
  const bytes::Json litert = certificate.at("litert");
  parse_litert_type(litert.at("type").as_string(), &again.litert_type.emplace());
  if (litert.at("max_error").is_number()) again.litert_max_error = litert.at("max_error").as_number();
  return again;
}

CertificateCheck convert_litert_again(const bytes::Json& certificate, const VerifyCertificateOptions& options,
                                      const CompareOptions& certified, const flow::Step& step) {
  const load::LoadedModel source = load_again(certificate, options, Format::kSavedModel);
  source.weights->store_as(certified.dtype);
  const auto library = tf::Library::open({options.tensorflow, certified.settings.onednn});
  return flow::convert_litert_again(certificate.at("litert"), certified, source, library, step);
}

std::string word_for(Kind kind) {
  switch (kind) {
    case Kind::kHolds:
      return "holds";
    case Kind::kNote:
      return "note";
    case Kind::kDiffers:
      return "differs";
    case Kind::kMissing:
      return "missing";
    case Kind::kExtra:
      return "extra";
  }
  return "?";
}

bytes::Json document_of(const VerifyCertificateResult& result) {
  bytes::Json document = bytes::Json::object();
  document.set("holds", result.holds());
  document.set("failed", result.failed);
  document.set("verdict", result.verdict);
  bytes::Json checks = bytes::Json::array();
  for (const CertificateCheck& check : result.checks) {
    bytes::Json entry = bytes::Json::object();
    entry.set("outcome", word_for(check.kind));
    entry.set("subject", check.subject);
    entry.set("detail", check.detail);
    checks.push_back(entry);
  }
  document.set("checks", checks);
  return document;
}

/// Collects checks and counts those that fail.
class Checks {
 public:
  explicit Checks(VerifyCertificateResult* result) : result_(result) {}
  void add(const CertificateCheck& check) {
    if (!check.holds()) ++result_->failed;
    result_->checks.push_back(check);
  }
  void add(const std::vector<CertificateCheck>& checks) {
    for (const CertificateCheck& check : checks) add(check);
  }

 private:
  VerifyCertificateResult* result_;
};

}  // namespace

VerifyCertificateResult verify_certificate(const VerifyCertificateOptions& given, const Progress& progress) {
  require_usable(given);
  RunSettings of_module;
  of_module.trust_remote_code = given.trust_remote_code;
  of_module.python = given.python;
  const flow::PythonModule module(of_module, given.checkpoint, progress);
  VerifyCertificateOptions options = given;
  if (module.is_there()) options.checkpoint = module.checkpoint();
  const fs::path file =
      options.certificate.empty() ? options.artifact / artifact::kCertificateFile : options.certificate;
  flow::Steps steps(progress);
  const flow::Step reading = steps.add("reading " + file.string());
  const flow::Step hashing_written = steps.add("hashing what was written");
  std::optional<flow::Step> hashing_read;
  if (!options.checkpoint.empty()) hashing_read = steps.add("hashing what was read");
  std::optional<flow::Step> converting;
  if (options.replay && !options.checkpoint.empty() && flow::has_litert(options.artifact))
    converting = steps.add("converting to model.tflite again");
  std::optional<flow::ComparisonSteps> comparing;
  if (options.replay) comparing.emplace(options.artifact, &steps);

  reading.begin();
  if (!fs::is_regular_file(file)) {
    throw Error(ErrorKind::kBadInput,
                file.string() +
                    ": is not there or no file; the folder has no certificate, name one that lies "
                    "elsewhere with --certificate");
  }
  const std::string text = bytes::read_text(file);
  const bytes::Json certificate = verify::parse_certificate(text, file.string());

  VerifyCertificateResult result;
  result.verdict = certificate.at("verdict").as_string();
  Checks checks(&result);
  checks.add(verify::check_own_hash(certificate, text));
  hashing_written.begin();
  checks.add(verify::check_written(certificate, options.artifact, file, loaded_as));
  if (hashing_read) {
    hashing_read->begin();
    checks.add(verify::check_read(certificate, options.checkpoint));
  }

  if (options.replay && result.verdict == "not verified") {
    checks.add({Kind::kMissing, "replay", "the certificate has no comparison: it was made with --no-verify"});
  } else if (options.replay && !result.holds()) {
    // What is not what was certified is not loaded: a SavedModel is a program.
    checks.add({Kind::kNote, "replay", "was not run, as the files are not those certified"});
  } else if (options.replay) {
    checks.add(read_back_again(certificate, options));
    CompareOptions certified = certified_comparison(certificate, options);
    if (module.is_there()) certified.settings.python_class = module.name();
    if (converting && certificate.contains("litert"))
      checks.add(convert_litert_again(certificate, options, certified, *converting));
    const Outcome again = flow::compare(certified, *comparing);
    checks.add(
        verify::check_replay(certificate, bytes::Json::parse(again.certificate, "the comparison that ran again")));
  }
  if (!options.json.empty()) bytes::write_file(options.json, document_of(result).dump_pretty());
  return result;
}

}  // namespace crossload

#include "verify/certificate.h"

#include <algorithm>
#include <limits>

#include "bytes/digest.h"
#include "crossload/dtype.h"
#include "crossload/version.h"
#include "verify/certificate_hash.h"

namespace crossload::verify {
namespace {

namespace fs = std::filesystem;

constexpr int kCertificateVersion = 2;

bytes::Json hash_entry(const std::string& name, const fs::path& file, FileHashes* hashes) {
  bytes::Json entry = bytes::Json::object();
  entry.set("file", name);
  entry.set("bytes", static_cast<std::int64_t>(fs::file_size(file)));
  entry.set("sha256", hashes != nullptr ? hashes->of(file) : bytes::sha256_of_file(file));
  return entry;
}

/// The name below the checkpoint's folder; of a checkpoint that is one file, that file's.
std::string name_below(const fs::path& folder, const fs::path& file) {
  const fs::path relative = file.lexically_relative(folder);
  const bool is_below = !relative.empty() && relative != "." && *relative.begin() != "..";
  return is_below ? relative.string() : file.filename().string();
}

bytes::Json hashes_of_read(const std::vector<fs::path>& files, const fs::path& folder, FileHashes* hashes) {
  bytes::Json list = bytes::Json::array();
  for (const fs::path& file : files) list.push_back(hash_entry(name_below(folder, file), file, hashes));
  return list;
}

bytes::Json hashes_of_written(const fs::path& folder, FileHashes* hashes) {
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    // A certificate that is there already is being replaced, or lies beside the one that `compare` makes.
    if (entry.is_regular_file() && entry.path() != folder / "crossload.json") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  bytes::Json list = bytes::Json::array();
  for (const fs::path& file : files) list.push_back(hash_entry(fs::relative(file, folder).string(), file, hashes));
  return list;
}

bytes::Json shape_entry(const Shape& shape) {
  bytes::Json list = bytes::Json::array();
  for (const std::int64_t size : shape) list.push_back(size);
  return list;
}

bytes::Json input_entries(const Trace& trace) {
  bytes::Json inputs = bytes::Json::object();
  for (const auto& [name, view] : trace.inputs()) {
    bytes::Json entry = bytes::Json::object();
    entry.set("dtype", name_of(view.dtype));
    entry.set("shape", shape_entry(view.shape));
    bytes::Digest digest(bytes::Digest::Kind::kSha256);
    digest.update(view.bytes);
    entry.set("sha256", digest.hex());
    inputs.set(name, entry);
  }
  return inputs;
}

bytes::Json stage_entry(const StageReport& report) {
  const Comparison& comparison = report.comparison;
  bytes::Json entry = bytes::Json::object();
  entry.set("path", report.name);
  if (!report.path.empty()) entry.set("module", report.path);  // "path" also counts calls and tensors
  if (!report.class_name.empty()) entry.set("class", report.class_name);
  entry.set("agrees", report.agrees());
  entry.set("verdict", name_of(comparison.verdict));
  if (!comparison.mismatch.empty()) {
    entry.set("shape_mismatch", comparison.mismatch);
    return entry;
  }
  entry.set("max_error", comparison.kept.tf_to_pt);
  entry.set("max_error_padded", comparison.has_padded ? bytes::Json(comparison.padded.tf_to_pt) : bytes::Json());
  entry.set("relative", comparison.relative);
  if (comparison.has_float64) {
    entry.set("tf_to_float64", comparison.kept.tf_to_float64);
    entry.set("pt_to_float64", comparison.kept.pt_to_float64);
    entry.set("pt_noise", comparison.kept.noise);
    if (comparison.has_padded) {
      entry.set("tf_to_float64_padded", comparison.padded.tf_to_float64);
      entry.set("pt_to_float64_padded", comparison.padded.pt_to_float64);
      entry.set("pt_noise_padded", comparison.padded.noise);
    }
  }
  return entry;
}

/// A tensor that only float32's rounding explains.
bytes::Json rounding_entry(const StageReport& report) {
  const Comparison& comparison = report.comparison;
  const auto larger = [&](double Distances::*field) {
    return std::max(comparison.kept.*field, comparison.padded.*field);
  };
  bytes::Json entry = bytes::Json::object();
  entry.set("tensor", report.full_name());
  entry.set("max_error", larger(&Distances::tf_to_pt));
  entry.set("tf_to_float64", comparison.has_float64 ? bytes::Json(larger(&Distances::tf_to_float64)) : bytes::Json());
  entry.set("pt_to_float64", comparison.has_float64 ? bytes::Json(larger(&Distances::pt_to_float64)) : bytes::Json());
  entry.set("noise", comparison.has_float64 ? bytes::Json(larger(&Distances::noise)) : bytes::Json());
  return entry;
}

bytes::Json divergence_entry(const StageReport& report) {
  const Comparison& comparison = report.comparison;
  bytes::Json entry = bytes::Json::object();
  entry.set("path", report.path.empty() ? report.name : report.path);
  entry.set("stage", report.full_name());
  if (!report.class_name.empty()) entry.set("class", report.class_name);
  if (!report.source.empty()) entry.set("source", report.source);
  if (!report.caller.class_name.empty()) {
    bytes::Json caller = bytes::Json::object();
    caller.set("path", report.caller.path);
    caller.set("class", report.caller.class_name);
    caller.set("source", report.caller.source);
    entry.set("caller", caller);
  }
  entry.set("max_error", comparison.kept.tf_to_pt);
  if (!comparison.mismatch.empty()) entry.set("shape_mismatch", comparison.mismatch);
  entry.set("at", shape_entry(comparison.worst_index));
  entry.set("tensorflow", comparison.worst_tf);
  entry.set("pytorch", comparison.worst_pt);
  const Explanation explanation = report.explanation.value_or(Explanation());
  if (!explanation.tensorflow_class.empty()) {
    entry.set("tensorflow_class", explanation.tensorflow_class);
    entry.set("tensorflow_source", explanation.tensorflow_source);
  }
  entry.set("hint", explanation.hint.empty() ? bytes::Json() : bytes::Json(explanation.hint));
  return entry;
}

/// A module that TensorFlow could not compute has no numbers.
bytes::Json failure_entry(const keras::ModuleFailure& failure) {
  bytes::Json entry = bytes::Json::object();
  entry.set("path", failure.place.path);
  entry.set("stage", failure.place.path);
  entry.set("tensorflow_class", failure.place.class_name);
  entry.set("tensorflow_source", failure.place.source());
  entry.set("max_error", std::numeric_limits<double>::infinity());
  entry.set("shape_mismatch", failure.text());
  entry.set("at", bytes::Json::array());
  entry.set("tensorflow", std::numeric_limits<double>::quiet_NaN());
  entry.set("pytorch", std::numeric_limits<double>::quiet_NaN());
  entry.set("hint", bytes::Json());
  return entry;
}

bytes::Json text_list(const std::vector<std::string>& values) {
  bytes::Json list = bytes::Json::array();
  for (const std::string& value : values) list.push_back(value);
  return list;
}

/// The report with the largest difference; nullptr for none.
const StageReport* worst_of(const std::vector<const StageReport*>& reports) {
  const auto less = [](const StageReport* a, const StageReport* b) {
    return std::pair(a->comparison.verdict, a->comparison.kept.tf_to_pt) <
           std::pair(b->comparison.verdict, b->comparison.kept.tf_to_pt);
  };
  const auto worst = std::max_element(reports.begin(), reports.end(), less);
  return worst == reports.end() ? nullptr : *worst;
}

void set_worst(bytes::Json* entry, const StageReport* worst) {
  entry->set("worst", worst == nullptr ? bytes::Json() : bytes::Json(worst->name));
  entry->set("max_error", worst == nullptr ? bytes::Json() : bytes::Json(worst->comparison.kept.tf_to_pt));
}

bytes::Json function_entry(const FunctionReport& function) {
  bytes::Json entry = bytes::Json::object();
  entry.set("name", function.label);
  bytes::Json inputs = bytes::Json::array();
  for (const std::string& name : function.inputs) inputs.push_back(name);
  entry.set("inputs", inputs);
  entry.set("training", function.training);
  entry.set("ran", function.ran);
  entry.set("verdict", name_of(function.verdict()));
  entry.set("finding", function.finding.empty() ? bytes::Json() : bytes::Json(function.finding));
  std::vector<const StageReport*> reports;
  for (const StageReport& output : function.outputs) reports.push_back(&output);
  entry.set("compared", reports.size() + function.against_explicit);
  set_worst(&entry, function.training ? nullptr : worst_of(reports));  // a training function's numbers are its own
  return entry;
}

/// One line a cell.
bytes::Json cell_entry(const CellReport& cell) {
  bytes::Json entry = bytes::Json::object();
  entry.set("name", cell.name);
  entry.set("what", cell.what);
  bytes::Json inputs = bytes::Json::object();
  for (const auto& [name, shape] : cell.inputs) inputs.set(name, shape_entry(shape));
  entry.set("inputs", inputs);
  entry.set("tensors", cell.verification.tensors());
  entry.set("verdict", name_of(cell.verification.verdict()));
  std::vector<const StageReport*> all;
  for (const Verdict verdict : {Verdict::kAgrees, Verdict::kRounding, Verdict::kDisagrees}) {
    for (const StageReport* report : cell.verification.tensors_that(verdict)) all.push_back(report);
  }
  set_worst(&entry, worst_of(all));
  return entry;
}

bytes::Json litert_output_entry(const LitertOutput& output) {
  bytes::Json entry = bytes::Json::object();
  entry.set("name", output.name);
  entry.set("interpreter", output.interpreter);
  entry.set("cell", output.cell.empty() ? bytes::Json() : bytes::Json(output.cell));
  entry.set("max_error", output.max_error);
  entry.set("mean_error", output.mean_error);
  entry.set("largest", output.largest);
  if (output.rows == 0) return entry;
  entry.set("rows", output.rows);
  entry.set("changed", output.changed);
  return entry;
}

bytes::Json count_entries(const std::map<std::string, std::int64_t>& counts) {
  bytes::Json entry = bytes::Json::object();
  for (const auto& [name, count] : counts) entry.set(name, count);
  return entry;
}

bytes::Json litert_entry(const LitertReport& report, bool verified) {
  const auto list_of = [](const auto& reports, const auto& entry_of) {
    bytes::Json list = bytes::Json::array();
    for (const auto& one : reports) list.push_back(entry_of(one));
    return list;
  };
  const LitertConversion& conversion = report.conversion;
  bytes::Json entry = bytes::Json::object();
  entry.set("type", name_of(conversion.type));
  entry.set("bytes", conversion.bytes);
  if (!conversion.converter.empty()) entry.set("converter", conversion.converter);
  entry.set("signatures", text_list(conversion.signatures));
  entry.set("operators", count_entries(conversion.operators));
  if (!conversion.made_of.empty()) {
    bytes::Json made_of = bytes::Json::object();
    for (const auto& [name, counts] : conversion.made_of) made_of.set(name, count_entries(counts));
    entry.set("made_of", made_of);
  }
  if (!verified) return entry;
  entry.set("verdict", name_of(report.verdict()));
  entry.set("max_error", report.max_error ? bytes::Json(*report.max_error) : bytes::Json());
  entry.set("interpreters", list_of(report.interpreters, [](const LitertInterpreter& interpreter) {
              bytes::Json one = bytes::Json::object();
              one.set("name", interpreter.name);
              one.set("version", interpreter.version);
              return one;
            }));
  entry.set("findings", text_list(report.findings));
  entry.set("functions", list_of(report.functions, function_entry));
  entry.set("outputs", list_of(report.outputs, litert_output_entry));
  entry.set("tensors_traced", report.tensors_traced);
  entry.set("stages", list_of(report.stages, stage_entry));
  return entry;
}

bytes::Json precision_entry(const PrecisionCost& cost) {
  bytes::Json entry = bytes::Json::object();
  entry.set("dtype", word_of(cost.dtype));
  entry.set("variables", cost.variables);
  entry.set("rounded", cost.rounded);
  bytes::Json outputs = bytes::Json::array();
  for (const OutputCost& output : cost.outputs) {
    bytes::Json row = bytes::Json::object();
    row.set("name", output.name);
    row.set("worst", output.worst);
    row.set("mean", output.mean);
    row.set("choices", output.choices);
    row.set("changed", output.changed);
    outputs.push_back(row);
  }
  entry.set("outputs", outputs);
  return entry;
}

bytes::Json ledger_entries(const std::vector<keras::LedgerEntry>& ledger) {
  bytes::Json list = bytes::Json::array();
  for (const keras::LedgerEntry& entry : ledger) {
    bytes::Json row = bytes::Json::object();
    row.set("tensor", entry.key);
    switch (entry.fate) {
      case keras::LedgerEntry::Fate::kBound:
        row.set("fate", "bound");
        row.set("variable", entry.detail);
        break;
      case keras::LedgerEntry::Fate::kTied:
        row.set("fate", "tied");
        row.set("to", entry.detail);
        break;
      case keras::LedgerEntry::Fate::kIgnored:
        row.set("fate", "ignored");
        row.set("reason", entry.detail);
        break;
    }
    list.push_back(row);
  }
  return list;
}

void add_verification(bytes::Json* document, const CertificateParts& parts) {
  const Verification& verification = *parts.verification;
  const StageReport* first = verification.first_divergence();
  if (first == nullptr && parts.litert != nullptr) first = parts.litert->first_divergence();
  document->set("verdict", verdict_of(parts));
  document->set("first_divergence", verification.failure ? failure_entry(*verification.failure)
                                    : first == nullptr   ? bytes::Json()
                                                         : divergence_entry(*first));
  bytes::Json others = bytes::Json::array();
  for (std::size_t i = 1; i < verification.divergences.size(); ++i) {
    others.push_back(divergence_entry(verification.stages[verification.divergences[i]]));
  }
  document->set("further_divergences", others);
  document->set("configuration_differences", text_list(parts.configuration));
  bytes::Json binding = bytes::Json::array();
  for (const BindingFault& fault : parts.binding) {
    bytes::Json row = bytes::Json::object();
    row.set("variable", fault.variable);
    row.set("tensor", fault.key);
    row.set("fault", fault.what);
    binding.push_back(row);
  }
  document->set("binding_faults", binding);
  bytes::Json coverage = bytes::Json::object();
  coverage.set("modules", verification.modules_traced);
  coverage.set("compared", verification.modules_compared);
  coverage.set("not_compared", text_list(verification.not_compared));
  coverage.set("serving_default", verification.served());
  document->set("coverage", coverage);
  bytes::Json tolerances = bytes::Json::object();
  tolerances.set("max_error", parts.tolerances.max_error);
  tolerances.set("max_hidden_error", parts.tolerances.max_hidden_error);
  tolerances.set("relative", Rule().relative);
  tolerances.set("noise_multiple", parts.tolerances.noise_multiple);
  tolerances.set("strict", parts.tolerances.strict);
  document->set("tolerances", tolerances);
  const auto list_of = [](const auto& reports, const auto& entry_of) {
    bytes::Json list = bytes::Json::array();
    for (const auto& report : reports) list.push_back(entry_of(report));
    return list;
  };
  document->set("rounding", list_of(tensors_that(parts, Verdict::kRounding),
                                    [](const StageReport* report) { return rounding_entry(*report); }));
  document->set("functions", list_of(verification.functions, function_entry));
  document->set("cells", list_of(verification.cells, cell_entry));
  document->set("stages", list_of(verification.stages, stage_entry));
  bytes::Json outputs = list_of(verification.outputs, stage_entry);
  for (const FunctionReport& function : verification.functions) {
    if (function.label != "serving_default") continue;
    for (const StageReport& output : function.outputs) outputs.push_back(stage_entry(output));
  }
  document->set("outputs", outputs);
  document->set("inputs", input_entries(*parts.trace));
}

}  // namespace

std::string verdict_of(const CertificateParts& parts) {
  if (parts.verification == nullptr) return "not verified";
  if (!parts.binding.empty()) return "disagrees";
  const Verdict of_litert = parts.litert == nullptr ? Verdict::kAgrees : parts.litert->verdict();
  switch (std::max(parts.verification->verdict(), of_litert)) {
    case Verdict::kAgrees:
      return "agrees";
    case Verdict::kRounding:
      return "agrees by rounding";
    default:
      return "disagrees";
  }
}

std::vector<const StageReport*> tensors_that(const CertificateParts& parts, Verdict verdict) {
  if (parts.verification == nullptr) return {};
  std::vector<const StageReport*> found = parts.verification->tensors_that(verdict);
  if (parts.litert == nullptr) return found;
  const auto in_litert = parts.litert->tensors_that(verdict);
  found.insert(found.end(), in_litert.begin(), in_litert.end());
  return found;
}

bytes::Json certificate(const CertificateParts& parts) {
  bytes::Json document = bytes::Json::object();
  document.set("crossload_certificate", kCertificateVersion);
  document.set(kCertificateHash, "");
  document.set("model", parts.model);
  document.set("class", parts.tensorflow_class);
  if (parts.verification != nullptr) {
    add_verification(&document, parts);
  } else {
    document.set("verdict", verdict_of(parts));
    document.set("first_divergence", bytes::Json());
  }
  if (parts.litert != nullptr) document.set("litert", litert_entry(*parts.litert, parts.verification != nullptr));
  document.set("notes", text_list(parts.notes));
  document.set("read_back", text_list(parts.read_back));
  bytes::Json versions = bytes::Json::object();
  versions.set("crossload", version());
  if (!parts.tensorflow_version.empty()) versions.set("tensorflow", parts.tensorflow_version);
  if (parts.trace != nullptr) {
    const bytes::Json reference = bytes::Json::parse(parts.trace->metadata("versions"), "versions of the trace");
    for (const auto& [name, value] : reference.members()) versions.set(name, value);
  }
  document.set("versions", versions);
  bytes::Json settings = bytes::Json::object();
  settings.set("threads", parts.threads);
  settings.set("onednn", parts.onednn);
  settings.set("grid", parts.grid);
  document.set("settings", settings);
  document.set("precision", precision_entry(parts.precision));
  document.set("read", hashes_of_read(parts.read, parts.read_below, parts.hashes));
  document.set("written", hashes_of_written(parts.artifact, parts.hashes));
  document.set("ledger", ledger_entries(parts.ledger));
  seal(&document);
  return document;
}

}  // namespace crossload::verify

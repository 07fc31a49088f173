#include "flow/certify.h"

#include "bytes/output_file.h"
#include "flow/caveats.h"
#include "flow/prove.h"
#include "flow/summary.h"
#include "verify/report.h"

namespace crossload::flow {

verify::CertificateParts begin_certificate(const load::LoadedModel& loaded, const std::filesystem::path& named_by,
                                           const RunSettings& settings, const tf::Library* library) {
  verify::CertificateParts parts;
  parts.model = settings.name.empty() ? named_by.filename().string() : settings.name;
  parts.tensorflow_class = loaded.model_class.name();
  if (library != nullptr) parts.tensorflow_version = library->version();
  parts.threads = settings.threads;
  parts.onednn = settings.onednn;
  parts.grid = settings.grid;
  return parts;
}

void add_proof(const verify::Trace& trace, const verify::Verification& verification, const RunSettings& settings,
               verify::CertificateParts* parts) {
  parts->notes.insert(parts->notes.end(), trace.notes().begin(), trace.notes().end());
  if (const auto note = note_of_outputs(verification)) parts->notes.push_back(*note);
  if (const auto note = note_of_unstable(verification)) parts->notes.push_back(*note);
  parts->tolerances = tolerances_of(settings);
  if (parts->precision.rounded > 0) parts->precision.outputs = verify::output_costs(trace);
  if (const auto note = describe(parts->precision)) parts->notes.push_back(*note);
  parts->trace = &trace;
  parts->verification = &verification;
}

Outcome certify(const verify::CertificateParts& parts, const RunSettings& settings) {
  const bytes::Json document = verify::certificate(parts);
  const std::string certificate = document.dump_pretty();
  if (!settings.json.empty()) bytes::write_file(settings.json, certificate);
  if (!settings.report.empty()) bytes::write_file(settings.report, verify::report_html(document));
  return summarize(parts, certificate);
}

}  // namespace crossload::flow

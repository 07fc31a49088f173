// The certificate of a job, from what it did and was told.
#pragma once

#include <filesystem>

#include "crossload/outcome.h"
#include "crossload/settings.h"
#include "load/loaded_model.h"
#include "tf/library.h"
#include "verify/certificate.h"

namespace crossload::flow {

/// What the job runs on. `named_by`: the path whose last part names the model when the settings do not; `library`: null
/// when TensorFlow is not used.
verify::CertificateParts begin_certificate(const load::LoadedModel& loaded, const std::filesystem::path& named_by,
                                           const RunSettings& settings, const tf::Library* library);

/// What the job compared: both are referred to until certify().
void add_proof(const verify::Trace& trace, const verify::Verification& verification, const RunSettings& settings,
               verify::CertificateParts* parts);

/// Makes the certificate, writes it where the settings want it, and sums it up.
Outcome certify(const verify::CertificateParts& parts, const RunSettings& settings);

}  // namespace crossload::flow

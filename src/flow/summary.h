// What a person wants to see of a conversion.
#pragma once

#include <string>

#include "crossload/outcome.h"
#include "verify/certificate.h"

namespace crossload::flow {

/// Counts, the closing table and the findings.
Outcome summarize(const verify::CertificateParts& parts, const std::string& certificate);

}  // namespace crossload::flow

// A comparison that ran again beside the one that was certified.
#pragma once

#include <vector>

#include "bytes/json.h"
#include "crossload/certificate_check.h"

namespace crossload::verify {

/// `certified` and `again` are certificates of the same artifact, both with a comparison. Holds when
/// - both ran on the same inputs (of floats, only their shapes must be the same: other processors round them
/// otherwise),
/// - both agree, by rounding or not, or both disagree,
/// - the same tensors, functions and cells were compared,
/// - every tensor that was certified to agree does so again by the rule,
/// - model.tflite has the certified type, size, signatures and operations, and agrees again; of float16 and int8 each
/// output's error is the certified one but for what other processors' kernels make of it.
/// How far the numbers are apart is said, and is wrong in nothing: the last bits belong to the processor.
std::vector<CertificateCheck> check_replay(const bytes::Json& certified, const bytes::Json& again);

}  // namespace crossload::verify

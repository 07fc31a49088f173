// model.tflite of an artifact that is there, run beside PyTorch and made again.
#pragma once

#include <filesystem>
#include <memory>

#include "bytes/json.h"
#include "crossload/certificate_check.h"
#include "crossload/compare.h"
#include "flow/steps.h"
#include "load/loaded_model.h"
#include "tf/library.h"
#include "verify/litert.h"

namespace crossload::flow {

/// Runs the file by every interpreter, and judges it as a conversion does. `loaded`: the artifact's model. Throws Error:
/// kEnvironment without an interpreter, kBadInput for a file that none can open.
verify::LitertReport compare_litert(const CompareOptions& options, const load::LoadedModel& loaded,
                                    const verify::Trace& trace, const std::shared_ptr<const tf::Library>& library,
                                    const Step& step);

/// Whether the file is, byte by byte, what TensorFlow's converter makes of the checkpoint: the numbers of a rounded model
/// would hide a weight that was changed. Another version's converter may make another file, and a Python without one
/// makes none: that is a note. `certified`: "litert" of the certificate. `source`: bound to the checkpoint.
CertificateCheck convert_litert_again(const bytes::Json& certified, const CompareOptions& options,
                                      const load::LoadedModel& source,
                                      const std::shared_ptr<const tf::Library>& library, const Step& step);

}  // namespace crossload::flow

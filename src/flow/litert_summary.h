// model.tflite in sentences.
#pragma once

#include <string>
#include <vector>

#include "verify/litert.h"

namespace crossload::flow {

/// "model.tflite: float32, 90.9 MB, no select ops; 128 of 176 tensors of modules are in it and agree", and of float16 and
/// int8 how far each output is. `verified`: it was run.
std::vector<std::string> describe_litert(const verify::LitertReport& report, bool verified);

}  // namespace crossload::flow

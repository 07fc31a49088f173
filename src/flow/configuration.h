// Comparing the configuration of an artifact with PyTorch's.
#pragma once

#include <string>
#include <vector>

#include "checkpoint/config.h"
#include "verify/trace.h"

namespace crossload::flow {

/// "layer_norm_eps is 1e-05 in the artifact, 1e-12 in PyTorch", for each field that both have and that differs.
std::vector<std::string> configuration_differences(const checkpoint::Config& artifact, const verify::Trace& trace);

}  // namespace crossload::flow

// The table of faults, in parts.
#pragma once

#include <vector>

#include "faults/fault.h"

namespace crossload::faults {

std::vector<Fault> faults_of_bert();

}  // namespace crossload::faults

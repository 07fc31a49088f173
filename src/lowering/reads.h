// Which nodes a node reads.
#pragma once

#include <string>
#include <vector>

#include "program/program.h"

namespace crossload::lowering {

std::vector<std::string> reads_of(const program::Node& node);

}  // namespace crossload::lowering

// Names in a sentence.
#pragma once

#include <string>
#include <vector>

namespace crossload::bytes {

/// "a, b, c and 4 more"
std::string some_of(const std::vector<std::string>& names);

}  // namespace crossload::bytes

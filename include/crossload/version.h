// The version of the library.
#pragma once

#include <string>

namespace crossload {

/// "0.1.0"
std::string version();

}  // namespace crossload

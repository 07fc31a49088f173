#include "crossload/version.h"

namespace crossload {

std::string version() { return CROSSLOAD_VERSION; }

}  // namespace crossload

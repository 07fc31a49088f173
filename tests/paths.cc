#include "paths.h"

namespace crossload {

std::filesystem::path source_folder() { return CROSSLOAD_SOURCE_DIR; }
std::filesystem::path goldens_folder() { return CROSSLOAD_GOLDENS_DIR; }
std::filesystem::path crossload_program() { return CROSSLOAD_PROGRAM; }

}  // namespace crossload

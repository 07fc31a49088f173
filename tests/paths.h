// Where the tests find things on this machine.
#pragma once

#include <filesystem>

namespace crossload {

/// The checkout.
std::filesystem::path source_folder();

/// Where the build puts the goldens, see goldens.h.
std::filesystem::path goldens_folder();

/// The crossload that the build made.
std::filesystem::path crossload_program();

}  // namespace crossload

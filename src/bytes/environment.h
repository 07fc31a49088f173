// What the process was started with, and where Python's packages may be.
#pragma once

#include <filesystem>
#include <vector>

namespace crossload::bytes {

/// A variable of the environment; empty when it is not set.
std::filesystem::path path_from_environment(const char* name);

/// Where virtual environments of Python may be, in the order in which they are looked through: the active one, .venv
/// beside the folder of this program (as in the repository, whose program lies in build/), .venv in the working folder.
std::vector<std::filesystem::path> virtual_environments();

}  // namespace crossload::bytes

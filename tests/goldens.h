// Where the goldens are: what PyTorch computes for the recipes of tests/goldens/. docs/goldens.md describes them.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>

namespace crossload {

/// In the build's folder, where the target `goldens` makes them.
inline std::filesystem::path golden_path(const std::string& recipe) {
  std::filesystem::path path = std::filesystem::path(CROSSLOAD_GOLDENS_DIR) / (recipe + ".safetensors");
  if (std::filesystem::exists(path)) return path;
  throw std::runtime_error(path.string() + ": is not there; make goldens makes it, or says why it cannot");
}

/// In the repository, one for each architecture, for tests that need no Python.
inline std::filesystem::path small_golden_path(const std::string& model_type) {
  return std::filesystem::path(CROSSLOAD_SOURCE_DIR) / "tests" / "goldens" / (model_type + "_small.safetensors");
}

}  // namespace crossload

// Where the goldens are: what PyTorch computes for the recipes of tests/goldens/. docs/goldens.md describes them.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "paths.h"

namespace crossload {

/// Whether the goldens that Transformers 5 made are read, in place of those of 4.57.
inline bool are_of_transformers_5() { return std::getenv("CROSSLOAD_TRANSFORMERS5") != nullptr; }

/// In the build's folder, where the targets `goldens` and `goldens_transformers5` make them.
inline std::filesystem::path golden_path(const std::string& recipe) {
  const std::string folder = goldens_folder().string() + (are_of_transformers_5() ? "-transformers5" : "");
  std::filesystem::path path = std::filesystem::path(folder) / (recipe + ".safetensors");
  if (std::filesystem::exists(path)) return path;
  throw std::runtime_error(path.string() + ": is not there; make goldens makes it, or says why it cannot");
}

/// In the repository, one for each architecture, for tests that need no Python.
inline std::filesystem::path small_golden_path(const std::string& model_type) {
  return source_folder() / "tests" / "goldens" / (model_type + "_small.safetensors");
}

}  // namespace crossload

// Which architectures an installed Transformers has, read from its sources as text: importing it takes minutes.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace crossload::contribute {

struct TransformersRegistry {
  std::filesystem::path folder;         // .../site-packages/transformers
  std::string version;                  // "4.57.6"
  std::vector<std::string> pytorch;     // the model_types of models/auto/modeling_auto.py's base models, sorted
  std::vector<std::string> tensorflow;  // those of modeling_tf_auto.py; empty in v5, which has none
};

/// `given` is the package's folder, a virtual environment, or empty: the active environment, then .venv here or above.
/// Throws Error(kEnvironment) when there is none, Error(kBadInput) when its registry cannot be understood.
TransformersRegistry read_transformers_registry(const std::filesystem::path& given);

}  // namespace crossload::contribute

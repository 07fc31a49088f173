// What one file of src/models/ offers.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "keras/pretrained_model.h"
#include "keras/words.h"

namespace crossload::keras {

/// A class of v4: "TFBertForMaskedLM", and the TFAutoModel families it is in ("TFAutoModelForMaskedLM").
struct Head {
  std::string name;
  std::vector<std::string> families;
  std::function<std::unique_ptr<TFPreTrainedModel>(const Scope&, const Config&)> build;
  /// Tensors of a checkpoint that this class has no place for, and why that is right (see Weights::ignore).
  std::vector<std::pair<std::string, std::string>> ignores;
  /// The level that all names of this class begin with. Transformers 5 has taken it away, and saves names without it.
  std::string outer_level = {};
};

struct Architecture {
  std::string model_type;         // of config.json
  std::string base_model_prefix;  // of the PyTorch class: a head's keys begin with it; empty where they do not
  std::string source;             // the file of Transformers that is mirrored, and its version
  std::vector<Head> heads;        // the base model first
  std::vector<std::string> other_model_types = {};  // of config.json too: a tower of CLIP, saved by itself
};

/// A Head of a class that is constructed from (scope, config).
template <class Model>
Head head(const std::string& name, std::vector<std::string> families,
          std::vector<std::pair<std::string, std::string>> ignores = {}) {
  return {name, std::move(families),
          [](const Scope& scope, const Config& config) -> std::unique_ptr<TFPreTrainedModel> {
            return std::make_unique<Model>(scope, config);
          },
          std::move(ignores)};
}

}  // namespace crossload::keras

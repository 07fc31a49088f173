// What one file of src/models/ offers.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "keras/model.h"
#include "keras/words.h"

namespace crossload::keras {

/// Tensors of a checkpoint that a class has no place for (a pattern, see Weights::ignore), and why that is right.
struct Ignored {
  std::string pattern;
  std::string reason;
};

/// A class of v4: "TFBertForMaskedLM", and the TFAutoModel families it is in ("TFAutoModelForMaskedLM").
struct Head {
  std::string name;
  std::vector<std::string> families;
  std::function<std::unique_ptr<Model>(const Scope&, const Config&)> build;
  /// Of this class alone. What other classes of the architecture have a place for need not be named.
  std::vector<Ignored> ignores = {};
  /// The level that all names of this class begin with. Transformers 5 has taken it away, and saves names without it.
  std::string outer_level = {};
};

struct Architecture {
  std::string model_type;         // of config.json
  std::string base_model_prefix;  // of the PyTorch class: a head's keys begin with it; empty where they do not
  std::string source;             // the file of Transformers that is mirrored, and its version
  std::vector<Ignored> ignores = {};
  std::vector<Head> heads;                          // the base model first
  std::vector<std::string> other_model_types = {};  // of config.json too: a tower of CLIP, saved by itself
};

/// A Head of a class that is constructed from (scope, config).
template <class Class>
Head head(const std::string& name, std::vector<std::string> families, std::vector<Ignored> ignores = {}) {
  return {name, std::move(families),
          [](const Scope& scope, const Config& config) -> std::unique_ptr<Model> {
            return std::make_unique<Class>(scope, config);
          },
          std::move(ignores)};
}

/// An architecture that is another one under a new name, as `class CamembertModel(RobertaModel): pass` is in PyTorch.
struct Alias {
  std::string model_type;
  std::string source;
  /// What fields of config.json are taken for when they are absent, where that is not the original's.
  std::vector<std::pair<std::string, Json>> defaults = {};
  /// Of classes, by their new name, that are in other families than the original's.
  std::vector<std::pair<std::string, std::vector<std::string>>> families = {};
};

/// The original with its classes called after the new name: `from` is "Roberta" and `to` "Camembert".
Architecture renamed(Architecture original, const std::string& from, const std::string& to, const Alias& alias);

}  // namespace crossload::keras

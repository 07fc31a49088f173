// A folder of sentence-transformers: a transformer, and modules that make one embedding of what it returns.
//
//   modules.json        [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
//                        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]
//   config.json, ...    the transformer, as Transformers saves it; in older layouts below 0_Transformer/
//   1_Pooling/          of each other module config.json, and its weights where it has any: model.safetensors or
//                       pytorch_model.bin
//
// Source: sentence_transformers/base/model.py and base/modules/module.py, 5.7.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "checkpoint/config.h"
#include "checkpoint/named_tensors.h"

namespace crossload::checkpoint {

inline constexpr const char* kSentenceModules = "modules.json";

/// One of those that come after the transformer.
struct SentenceModule {
  std::string name;              // in modules.json, "1"
  std::string kind;              // the class, "Pooling"
  std::filesystem::path folder;  // relative to that of modules.json, "1_Pooling"; may have no files
  Config config;                 // of its config.json; without fields when it has none
  std::string where;             // the path of that file, for errors
};

struct SentenceModules {
  std::vector<SentenceModule> modules;
  NamedTensors tensors;                      // "2.linear.weight", in its file "2_Dense/model.safetensors:linear.weight"
  std::vector<std::filesystem::path> files;  // that were read
};

bool has_sentence_modules(const std::filesystem::path& folder);

/// Where the transformer's files are: the folder itself when it has a config.json, or the first module's below it.
/// Throws Error(kBadInput) for a modules.json that says nothing of the kind.
std::filesystem::path transformer_folder(const std::filesystem::path& folder);

/// The files that a modules.json may speak of, relative to its folder: the configuration and weights of each module that
/// comes after the transformer.
std::vector<std::string> files_of_sentence_modules(const std::filesystem::path& folder);

/// What comes after the transformer. Throws Error(kBadInput) for a modules.json that cannot be understood or that names
/// folders elsewhere, Error(kUnsupported) for modules that are not Transformer, Pooling, Dense, LayerNorm or Normalize.
SentenceModules read_sentence_modules(const std::filesystem::path& folder);

/// The same of an artifact, whose weights are elsewhere.
SentenceModules read_sentence_modules_without_weights(const std::filesystem::path& folder);

}  // namespace crossload::checkpoint

// A new architecture begun as a copy of one that works.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace crossload::contribute {

struct ScaffoldOptions {
  std::filesystem::path root;      // of the project's sources
  std::string name;                // "brand_new_bert": the model_type
  std::string like;                // "bert": an architecture of src/models/
  std::string camel;               // "BrandNewBert" as in the classes; made from the name when empty
  std::vector<std::string> heads;  // "ForMaskedLM" or "TFBrandNewBertForMaskedLM"; all of the base's when empty
  std::filesystem::path config;    // a config.json or the folder that has one; none when empty
};

struct Scaffold {
  std::filesystem::path model;           // src/models/modeling_tf_<name>.cc
  std::filesystem::path recipe;          // tests/goldens/<name>.json
  std::string alias_of;                  // "roberta" when the file says no more than that it is that one, renamed
  std::vector<std::string> heads;        // the classes that the file offers
  std::vector<std::string> recipes;      // the goldens that the recipe makes
  std::vector<std::string> from_config;  // "vocab_size: 30522 -> 28996": defaults that were set
  std::vector<std::string> not_read;     // fields of the configuration that the base does not know
};

/// "brand_new_bert" -> "BrandNewBert"
std::string camel_name(const std::string& name);

/// The names of src/models/modeling_tf_*.cc, sorted. Throws Error(kBadInput) when there is no such folder.
std::vector<std::string> architecture_names(const std::filesystem::path& root);

/// Writes the two files. What the base's file defines is called after the new model, blocks keep their names; every
/// class gets a mark `// Copied from`; the heads that are not wanted fall away with what only they use. A base that is
/// another architecture under a new name gives a file of the same kind. Throws Error(kUsage) for a bad or taken name,
/// an unknown base or head, and writes nothing then; Error(kBadInput) for a bad configuration; Error(kEnvironment) when
/// a file cannot be written.
Scaffold add_new_model(const ScaffoldOptions& options);

}  // namespace crossload::contribute

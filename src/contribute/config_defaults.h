// The defaults in an architecture's source, set as a model's config.json says.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "bytes/json.h"
#include "contribute/blocks.h"
#include "contribute/source_text.h"

namespace crossload::contribute {

/// Changes `config.integer("x", 1)` and its kin, the sizes in `bert_sizes(config, {.vocab = 30522})`, and the defaults
/// of an alias. A file that takes BERT's sizes as they are gets a function sizes_of when the configuration has others.
class ConfigDefaults {
 public:
  /// `path`: a config.json or the folder that has it. Throws Error(kBadInput).
  ConfigDefaults(const std::filesystem::path& path, const Blocks& blocks);

  void apply(SourceText* source);
  /// "vocab_size: 30522 -> 28996", each once.
  const std::vector<std::string>& changes() const { return changes_; }
  /// The fields whose name stands neither in `code` nor in the blocks' sizes, and that mean something of a model.
  std::vector<std::string> not_read(const std::string& code) const;

 private:
  std::string value_of(const std::string& key, const std::string& kind, const std::string& old);
  std::string apply_calls(const std::string& text);
  std::string apply_sizes(const std::string& text);
  std::string apply_alias(const std::string& text);

  bytes::Json config_;
  const Blocks& blocks_;
  std::vector<std::string> changes_;
};

}  // namespace crossload::contribute

// What the files of src/blocks/ offer to architectures, read as text.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "contribute/source_text.h"

namespace crossload::contribute {

/// A member of BertSizes, and the field of the configuration that is read into it.
struct SizeField {
  std::string key;     // "vocab_size"; empty when none is
  std::string kind;    // "integer": how it is read
  std::string member;  // "vocab"
  std::string value;   // "30522": the member's default as C++ writes it
};

struct Blocks {
  /// Of classes and functions; an architecture keeps them when it is renamed.
  std::set<std::string> names;
  /// Those of the classes whose `call` takes a Call.
  std::set<std::string> takers;
  /// Classes by their text: members and bodies together, without layout and comments, with "@" for its own name.
  std::map<std::string, std::string> classes;
  /// In their order.
  std::vector<SizeField> bert_sizes;
};

/// Of the project's sources; nothing when they have no blocks. Throws Error(kBadInput).
Blocks read_blocks(const std::filesystem::path& root);

/// A class of an architecture as Blocks::classes has it.
std::string block_text(const Definition& definition);

/// Whether the class has a `call` that takes a Call by its name.
bool takes_call(const std::string& text);

}  // namespace crossload::contribute

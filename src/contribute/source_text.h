// The C++ source of an architecture or a block, taken apart as text: what stands at its top level, without a compiler.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace crossload::contribute {

/// A class, function, constant or `using` of a namespace, with the comment above it.
struct Definition {
  std::string name;       // "TFBertLayer", "sizes_of"; empty for a comment that stands alone and `using namespace`
  bool is_class = false;  // begins with `class`
  int line = 0;           // of the definition itself, from 1
  std::string comment;    // the lines above it, each ending with '\n'
  std::string text;       // the definition, ending with '\n'
};

/// `head<BaseModel<Base>>("TFBertModel", {...})`
struct RegisteredHead {
  std::string type;       // "BaseModel<Base>"
  std::string name;       // "TFBertModel"
  std::size_t begin = 0;  // in SourceText::registration
  std::size_t end = 0;    // behind the closing bracket
};

/// modeling_tf_<x>.cc in four parts that joined give the file. One that is another architecture under a new name
/// (keras::renamed) has no definitions, and the heads of that one, renamed.
struct SourceText {
  std::filesystem::path file;
  std::string head;                     // the comment that opens the file
  std::string includes;                 // up to and with `namespace {`
  std::vector<Definition> definitions;  // of the unnamed namespace
  std::string registration;             // from `}  // namespace` on: what modeling_tf_<x>() returns

  std::string name;        // "deberta_v2", as the file is called
  std::string model_type;  // "deberta-v2"
  std::string prefix;      // "deberta": base_model_prefix
  std::string camel;       // "DebertaV2", as the classes are called
  std::string alias_of;    // "roberta"; empty for an architecture of its own
  std::vector<RegisteredHead> heads;
};

/// Throws Error(kBadInput) when the file cannot be read or is no architecture.
SourceText read_source(const std::filesystem::path& file);

/// The definitions of `namespace crossload::blocks` in a file of src/blocks/. Throws Error(kBadInput).
std::vector<Definition> read_block(const std::filesystem::path& file);

/// src/models/modeling_tf_<name>.cc
std::filesystem::path model_file(const std::filesystem::path& root, const std::string& name);
/// tests/goldens/<name>.json
std::filesystem::path recipe_file(const std::filesystem::path& root, const std::string& name);

/// Every occurrence of `from`, left to right; what was put in is not looked at again.
std::string replace_all(std::string text, std::string_view from, std::string_view to);

/// Letters, digits and _.
bool in_word(char c);
/// Whether the text has the word: not as a part of a longer one.
bool has_word(std::string_view text, std::string_view word);

/// The text without comments and, where they are not wanted, with empty strings.
std::string code_of(std::string_view text, bool with_strings);

/// Without blanks and line ends.
std::string without_layout(std::string text);

/// The position of the bracket that closes the one at `open`; npos without. Strings and comments are passed over.
std::size_t closing_bracket(std::string_view text, std::size_t open);

}  // namespace crossload::contribute

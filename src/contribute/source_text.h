// The C++ source of an architecture, taken apart as text: what stands at its top level, without a compiler.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace crossload::contribute {

/// A class, function or constant of the file's unnamed namespace, with the comment above it.
struct Definition {
  std::string name;       // "TFBertLayer", "hidden_size"
  bool is_class = false;  // begins with `class`
  int line = 0;           // of the definition itself, from 1
  std::string comment;    // the lines above it, each ending with '\n'
  std::string text;       // the definition, ending with '\n'
  bool is_fixed = false;  // `using` and the like: kept whatever uses it
};

/// modeling_tf_<x>.cc in four parts that joined give the file.
struct SourceText {
  std::filesystem::path file;
  std::string head;                     // the comment that opens the file
  std::string includes;                 // up to and with `namespace {`
  std::vector<Definition> definitions;  // of the unnamed namespace
  std::string registration;             // from `}  // namespace` on: what modeling_tf_<x>() returns
};

/// Throws Error(kBadInput) when the file cannot be read or has no unnamed namespace.
SourceText read_source(const std::filesystem::path& file);

/// Every occurrence of `from`, left to right; what was put in is not looked at again.
std::string replace_all(std::string text, std::string_view from, std::string_view to);

/// Whether the text has the word: not as a part of a longer one.
bool has_word(std::string_view text, std::string_view word);

/// What stands between TF and Model in the first class of the registration: "Bert" of TFBertModel; else
/// Error(kBadInput).
std::string class_prefix(const SourceText& source);

/// What follows `with` in a mark, as far as the text has the names: "Bert->Electra, bert->electra". Replacements are
/// made one after the other, so `bert->albert` comes before `Bert->Albert`, whose result it would change.
std::string replacements(const std::string& text, const std::string& from_camel, const std::string& to_camel,
                         const std::string& from, const std::string& to);

/// The position of the bracket that closes the one at `open`; npos without. Strings and comments are passed over.
std::size_t closing_bracket(std::string_view text, std::size_t open);

}  // namespace crossload::contribute

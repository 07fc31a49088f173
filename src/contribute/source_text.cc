#include "contribute/source_text.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <sstream>

#include "bytes/text_file.h"
#include "crossload/error.h"

namespace crossload::contribute {
namespace {

bool in_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// After the string, character or comment that begins at `at`; `at` when none does.
std::size_t skip_literal(std::string_view text, std::size_t at) {
  if (text.substr(at, 2) == "//") {
    const std::size_t end = text.find('\n', at);
    return end == std::string_view::npos ? text.size() : end;
  }
  if (text[at] != '"') return at;
  std::size_t i = at + 1;
  while (i < text.size() && text[i] != '"') i += text[i] == '\\' ? 2 : 1;
  return std::min(i + 1, text.size());
}

/// Where the definition that begins at `begin` ends: after the line with the ; or } outside of all brackets.
std::size_t definition_end(std::string_view text, std::size_t begin) {
  int depth = 0;
  char last = ' ';
  for (std::size_t i = begin; i < text.size();) {
    const std::size_t after = skip_literal(text, i);
    if (after != i) {
      if (text[i] == '"') last = '"';
      i = after;
      continue;
    }
    const char c = text[i++];
    if (c == '(' || c == '{' || c == '[') ++depth;
    if (c == ')' || c == '}' || c == ']') --depth;
    if (c == '\n' && depth == 0 && (last == ';' || last == '}')) return i;
    if (std::isspace(static_cast<unsigned char>(c)) == 0) last = c;
  }
  return text.size();
}

std::string name_of(const std::string& text) {
  for (const std::string_view kind : {"class ", "struct ", "enum class ", "enum "}) {
    if (!text.starts_with(kind)) continue;
    std::size_t end = kind.size();
    while (end < text.size() && in_word(text[end])) ++end;
    return text.substr(kind.size(), end - kind.size());
  }
  std::size_t end = text.find_first_of("(={;");
  if (end == std::string::npos) return "";
  while (end > 0 && !in_word(text[end - 1])) --end;
  std::size_t begin = end;
  while (begin > 0 && in_word(text[begin - 1])) --begin;
  return text.substr(begin, end - begin);
}

}  // namespace

SourceText read_source(const std::filesystem::path& file) {
  constexpr std::string_view kOpen = "\nnamespace {\n";
  constexpr std::string_view kClose = "\n}  // namespace\n";
  const std::string text = bytes::read_text(file);
  const std::size_t open = text.find(kOpen);
  const std::size_t close = text.find(kClose, open == std::string::npos ? 0 : open);
  if (open == std::string::npos || close == std::string::npos) {
    throw Error(ErrorKind::kBadInput, file.string() +
                                          ": has no `namespace {` ... `}  // namespace` with the classes of an "
                                          "architecture; compare src/models/modeling_tf_bert.cc");
  }
  SourceText source;
  source.file = file;
  std::size_t at = 0;
  while (text.compare(at, 2, "//") == 0) at = text.find('\n', at) + 1;
  source.head = text.substr(0, at);
  source.includes = text.substr(at, open + kOpen.size() - at);
  source.registration = text.substr(close + 1);

  int line = 1 + static_cast<int>(
                     std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(open + kOpen.size()), '\n'));
  const std::string body = text.substr(open + kOpen.size(), close + 1 - (open + kOpen.size()));
  std::string comment;
  for (std::size_t i = 0; i < body.size();) {
    const std::size_t end_of_line = body.find('\n', i) + 1;
    if (body[i] == '\n') {
      if (!comment.empty()) source.definitions.push_back({"", false, line, "", comment, true});
      comment.clear();
      ++line;
      i = end_of_line;
    } else if (body.compare(i, 2, "//") == 0) {
      comment += body.substr(i, end_of_line - i);
      ++line;
      i = end_of_line;
    } else {
      const std::size_t end = definition_end(body, i);
      Definition definition{"", false, line, comment, body.substr(i, end - i), false};
      definition.is_fixed = definition.text.starts_with("using ");
      if (!definition.is_fixed) definition.name = name_of(definition.text);
      definition.is_class = definition.text.starts_with("class ");
      line += static_cast<int>(std::count(definition.text.begin(), definition.text.end(), '\n'));
      source.definitions.push_back(std::move(definition));
      comment.clear();
      i = end;
    }
  }
  return source;
}

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

bool has_word(std::string_view text, std::string_view word) {
  for (std::size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || !in_word(text[at - 1])) && (end == text.size() || !in_word(text[end]))) return true;
  }
  return false;
}

std::string class_prefix(const SourceText& source) {
  constexpr std::string_view kHead = "head<TF";
  const std::size_t begin = source.registration.find(kHead);
  const std::size_t end = begin == std::string::npos ? begin : source.registration.find("Model>", begin);
  const std::size_t close = begin == std::string::npos ? begin : source.registration.find('>', begin);
  if (end == std::string::npos || close < end) {
    throw Error(ErrorKind::kBadInput, source.file.string() + ": its first head is not of the form TF<Name>Model");
  }
  return source.registration.substr(begin + kHead.size(), end - begin - kHead.size());
}

std::string replacements(const std::string& text, const std::string& from_camel, const std::string& to_camel,
                         const std::string& from, const std::string& to) {
  const std::string camel = text.find(from_camel) == std::string::npos ? "" : from_camel + "->" + to_camel;
  const bool has_small = replace_all(text, from_camel, "").find(from) != std::string::npos;
  const std::string small = has_small ? from + "->" + to : "";
  if (camel.empty() || small.empty()) return camel + small;
  return to_camel.find(from) == std::string::npos ? camel + ", " + small : small + ", " + camel;
}

std::size_t closing_bracket(std::string_view text, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open; i < text.size();) {
    const std::size_t after = skip_literal(text, i);
    if (after != i) {
      i = after;
      continue;
    }
    const char c = text[i];
    if (c == '(' || c == '{' || c == '[') ++depth;
    if ((c == ')' || c == '}' || c == ']') && --depth == 0) return i;
    ++i;
  }
  return std::string_view::npos;
}

}  // namespace crossload::contribute

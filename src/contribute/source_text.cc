#include "contribute/source_text.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <regex>
#include <sstream>

#include "bytes/text_file.h"
#include "crossload/error.h"

namespace crossload::contribute {
namespace {

bool is_blank(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

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
    if (!is_blank(c)) last = c;
  }
  return text.size();
}

int count_lines(std::string_view text) { return static_cast<int>(std::count(text.begin(), text.end(), '\n')); }

/// Without the line `template <...>` above.
std::string_view without_template(std::string_view text) {
  return text.starts_with("template <") ? text.substr(text.find('\n') + 1) : text;
}

std::string name_of(std::string_view text) {
  if (text.starts_with("using namespace ")) return "";
  text = without_template(text);
  std::size_t begin = 0;
  for (const std::string_view kind : {"class ", "struct ", "enum class ", "enum "}) {
    if (text.starts_with(kind)) begin = kind.size();
  }
  std::size_t end = begin;
  if (begin == 0) {
    end = std::min(text.find_first_of("(={;"), text.size());
    while (end > 0 && !in_word(text[end - 1])) --end;
    for (begin = end; begin > 0 && in_word(text[begin - 1]);) --begin;
  }
  while (end < text.size() && in_word(text[end])) ++end;
  return std::string(text.substr(begin, end - begin));
}

/// `line`: of the beginning of the text.
std::vector<Definition> definitions_of(const std::string& text, int line) {
  std::vector<Definition> definitions;
  std::string comment;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = text.find('\n', i) + 1;
    if (text[i] == '\n') {
      if (!comment.empty()) definitions.push_back({"", false, line, "", comment});
      comment.clear();
    } else if (text.compare(i, 2, "//") == 0) {
      comment += text.substr(i, end - i);
    } else {
      end = definition_end(text, i);
      const std::string definition = text.substr(i, end - i);
      const bool is_class = without_template(definition).starts_with("class ");
      definitions.push_back({name_of(definition), is_class, line, comment, definition});
      comment.clear();
    }
    line += count_lines(std::string_view(text).substr(i, end - i));
    i = end;
  }
  return definitions;
}

std::string captured(const std::string& text, const std::string& pattern) {
  std::smatch found;
  return std::regex_search(text, found, std::regex(pattern)) ? found[1].str() : "";
}

std::vector<RegisteredHead> heads_of(const std::string& registration) {
  std::vector<RegisteredHead> heads;
  const std::regex form("\\w+<((?:[^<>()]|<[^<>]*>)*)>\\(\\s*\"(TF\\w+)\"");
  for (std::sregex_iterator at(registration.begin(), registration.end(), form), end; at != end; ++at) {
    const auto begin = static_cast<std::size_t>(at->position());
    const std::size_t close = closing_bracket(registration, registration.find('(', begin));
    heads.push_back({(*at)[1], (*at)[2], begin, close + 1});
  }
  return heads;
}

/// `keras::renamed(modeling_tf_roberta(), "Roberta", "Camembert", {...})`
void read_alias(SourceText* source) {
  std::smatch found;
  const std::regex form("renamed\\(modeling_tf_(\\w+)\\(\\),\\s*\"(\\w+)\",\\s*\"(\\w+)\"");
  if (!std::regex_search(source->registration, found, form)) return;
  source->alias_of = found[1];
  source->camel = found[3];
  const SourceText original = read_source(source->file.parent_path() / ("modeling_tf_" + source->alias_of + ".cc"));
  source->prefix = original.prefix;
  for (const RegisteredHead& head : original.heads) {
    source->heads.push_back({head.type, replace_all(head.name, found[2].str(), source->camel), 0, 0});
  }
}

}  // namespace

SourceText read_source(const std::filesystem::path& file) {
  constexpr std::string_view kOpen = "\nnamespace {\n";
  constexpr std::string_view kClose = "\n}  // namespace\n";
  const std::string text = bytes::read_text(file);
  SourceText source;
  source.file = file;
  source.name = file.stem().string().substr(std::string_view("modeling_tf_").size());
  std::size_t at = 0;
  while (text.compare(at, 2, "//") == 0) at = text.find('\n', at) + 1;
  source.head = text.substr(0, at);
  const std::size_t open = text.find(kOpen);
  const std::size_t close = open == std::string::npos ? open : text.find(kClose, open);
  if (close != std::string::npos) {
    const std::size_t begin = open + kOpen.size();
    source.includes = text.substr(at, begin - at);
    source.definitions = definitions_of(text.substr(begin, close + 1 - begin), 1 + count_lines(text.substr(0, begin)));
    source.registration = text.substr(close + 1);
    source.heads = heads_of(source.registration);
    source.prefix = captured(source.registration, "\\.base_model_prefix = \"([^\"]*)\"");
    if (!source.heads.empty()) source.camel = captured(source.heads.front().name, "^TF(\\w+)Model$");
  } else {
    source.registration = text.substr(at);
    read_alias(&source);
  }
  source.model_type = captured(source.registration, "\\.model_type = \"([^\"]+)\"");
  if (source.camel.empty() || source.model_type.empty()) {
    throw Error(ErrorKind::kBadInput,
                file.string() +
                    ": is no architecture: it wants a .model_type and, as its first head, TF<Name>Model, or "
                    "keras::renamed(...); compare src/models/modeling_tf_bert.cc and modeling_tf_camembert.cc");
  }
  return source;
}

std::vector<Definition> read_block(const std::filesystem::path& file) {
  constexpr std::string_view kOpen = "\nnamespace crossload::blocks {\n";
  const std::string text = bytes::read_text(file);
  const std::size_t open = text.find(kOpen);
  const std::size_t close = text.rfind("\n}  // namespace crossload::blocks");
  if (open == std::string::npos || close == std::string::npos || close < open) {
    throw Error(ErrorKind::kBadInput, file.string() + ": has no `namespace crossload::blocks`");
  }
  const std::size_t begin = open + kOpen.size();
  return definitions_of(text.substr(begin, close + 1 - begin), 1 + count_lines(text.substr(0, begin)));
}

std::filesystem::path model_file(const std::filesystem::path& root, const std::string& name) {
  return root / "src" / "models" / ("modeling_tf_" + name + ".cc");
}

std::filesystem::path recipe_file(const std::filesystem::path& root, const std::string& name) {
  return root / "tests" / "goldens" / (name + ".json");
}

bool in_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

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

std::string code_of(std::string_view text, bool with_strings) {
  std::string code;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t after = skip_literal(text, i);
    if (after == i) {
      code += text[i++];
      continue;
    }
    if (text[i] == '"') code += with_strings ? text.substr(i, after - i) : "\"\"";
    i = after;
  }
  return code;
}

std::string without_layout(std::string text) {
  text.erase(std::remove_if(text.begin(), text.end(), is_blank), text.end());
  return text;
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

#include "contribute/class_members.h"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace crossload::contribute {
namespace {

constexpr std::string_view kIgnore = "// Ignore copy";

bool in_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// `// Ignore copy`, `// Ignore copy: positions begin at 2`
bool is_ignore_mark(const std::string& line) {
  return line.starts_with(kIgnore) && (line.size() == kIgnore.size() || !in_word(line[kIgnore.size()]));
}

/// The code of lines that are read one after the other: strings and comments fall away, brackets are counted.
class Code {
 public:
  void read(const std::string& line) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      const char c = line[i];
      const bool separates_digits = i > 0 && in_word(line[i - 1]);
      if (line.compare(i, 2, "//") == 0) break;
      if (c == '"' || (c == '\'' && !separates_digits)) {
        i = end_of_literal(line, i);
        text_ += c;
        continue;
      }
      if (c == '(' || c == '{' || c == '[') ++depth_;
      if (c == ')' || c == '}' || c == ']') --depth_;
      text_ += c;
    }
    text_ += ' ';
  }
  int depth() const { return depth_; }
  /// Since the last clear().
  const std::string& text() const { return text_; }
  void clear() { text_.clear(); }

 private:
  static std::size_t end_of_literal(const std::string& line, std::size_t begin) {
    std::size_t i = begin + 1;
    while (i < line.size() && line[i] != line[begin]) i += line[i] == '\\' ? 2 : 1;
    return i;
  }

  std::string text_;
  int depth_ = 0;
};

/// What comes before the first bracket, sign or end: "call" of "Tensor call(const Tensor& x) const {".
std::string name_of(const std::string& code) {
  std::size_t end = std::min(code.find_first_of("(={;"), code.size());
  if (code.find(':') < end && trimmed(code).ends_with(':')) end = code.find(':');  // public:
  while (end > 0 && !in_word(code[end - 1])) --end;
  std::size_t begin = end;
  while (begin > 0 && in_word(code[begin - 1])) --begin;
  return code.substr(begin, end - begin);
}

bool is_complete(const std::string& code) {
  const std::string text = trimmed(code);
  return text.ends_with(';') || text.ends_with('}') || text == "public:" || text == "protected:" || text == "private:";
}

/// Without the slashes that begin a comment: where a comment goes on in the next line is layout.
std::string without_slashes(std::string line) {
  for (std::size_t at = line.find("//"); at != std::string::npos; at = line.find("//", at)) {
    line.replace(at, std::min(line.find_first_not_of('/', at), line.size()) - at, " ");
  }
  return line;
}

void add_words(const std::string& line, std::size_t number, std::vector<Word>* words) {
  std::string word;
  const auto finish = [&] {
    if (!word.empty()) words->push_back({word, number});
    word.clear();
  };
  for (char c : trimmed(without_slashes(line))) {
    const bool part_of_name = in_word(c);
    if (!part_of_name) finish();
    if (c == ' ') continue;
    word += c;
    if (!part_of_name) finish();
  }
  finish();
}

/// Reads the members between the line after the head and the line "};".
class MemberReader {
 public:
  MemberReader(const Text& lines, std::size_t begin, std::size_t end) : lines_(lines), end_(end) {
    member_.begin = begin;
  }

  std::vector<Member> read() {
    for (std::size_t i = member_.begin; i < end_; ++i) read_line(i);
    if (member_.begin < end_) finish(end_);
    return std::move(members_);
  }

 private:
  bool in_code() const { return !trimmed(code_.text()).empty(); }

  void read_line(std::size_t i) {
    const std::string line = trimmed(lines_[i]);
    const bool is_comment = line.starts_with("//");
    if (!in_code()) {
      if (line.empty()) ignoring_ = false;
      if (is_ignore_mark(line)) ignoring_ = true;
      if (!line.empty() && !is_comment) {
        member_.ignored = ignoring_;
        member_.code = i;
      }
    } else if (is_ignore_mark(line)) {
      member_.ignores_some = true;
      ignored_depth_ = code_.depth();
    } else if (line.empty()) {
      ignored_depth_ = kNotIgnoring;
    }
    code_.read(lines_[i]);
    if (code_.depth() < ignored_depth_) ignored_depth_ = kNotIgnoring;
    const bool ignored = (in_code() ? member_.ignored : ignoring_) || ignored_depth_ != kNotIgnoring;
    if (!ignored) add_words(lines_[i], i, &member_.words);
    if (code_.depth() == 0 && is_complete(code_.text())) finish(i + 1);
  }

  void finish(std::size_t end) {
    member_.name = name_of(code_.text());
    member_.end = end;
    members_.push_back(std::move(member_));
    member_ = Member();
    member_.begin = end;
    code_.clear();
    ignored_depth_ = kNotIgnoring;
  }

  static constexpr int kNotIgnoring = -1000;

  const Text& lines_;
  const std::size_t end_;
  Code code_;
  Member member_;
  bool ignoring_ = false;             // between members
  int ignored_depth_ = kNotIgnoring;  // inside a member: of the brackets around the mark
  std::vector<Member> members_;
};

}  // namespace

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t\r");
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

std::optional<ClassMembers> class_at(const Text& lines, std::size_t from) {
  constexpr std::string_view kClass = "class ";
  if (from >= lines.size() || !lines[from].starts_with(kClass)) return std::nullopt;
  const auto close = std::find(lines.begin() + static_cast<std::ptrdiff_t>(from), lines.end(), "};");
  if (close == lines.end()) return std::nullopt;
  ClassMembers found;
  found.begin = from;
  found.end = static_cast<std::size_t>(close - lines.begin()) + 1;
  const std::string& head = lines[from];
  found.name = head.substr(kClass.size(), head.find_first_of(" :{", kClass.size()) - kClass.size());
  Code code;
  found.body = from;
  while (found.body < found.end - 1 && code.depth() == 0) {
    add_words(lines[found.body], found.body, &found.head);
    code.read(lines[found.body++]);
  }
  found.members = MemberReader(lines, found.body, found.end - 1).read();
  return found;
}

std::optional<ClassMembers> class_named(const Text& lines, const std::string& name) {
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].starts_with("class " + name + " ")) return class_at(lines, i);
  }
  return std::nullopt;
}

}  // namespace crossload::contribute

#include "contribute/copies.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <optional>
#include <sstream>

#include "crossload/error.h"

namespace crossload::contribute {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMark = "// Copied from ";
constexpr std::string_view kIgnore = "// Ignore copy";
constexpr std::string_view kAllCasing = " all-casing";

using Text = std::vector<std::string>;  // a file's lines

struct Replacement {
  std::string from;
  std::string to;
};

/// A mark, taken apart.
struct Mark {
  std::string architecture;  // "bert"
  std::string class_name;    // "TFBertSelfOutput"
  std::vector<Replacement> replacements;
};

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

std::string cased(std::string text, int (*change)(int)) {
  for (char& c : text) c = static_cast<char>(change(static_cast<unsigned char>(c)));
  return text;
}

Text read_lines(const fs::path& file) {
  std::ifstream stream(file);
  if (!stream) throw Error(ErrorKind::kBadInput, file.string() + ": cannot be read");
  Text lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

void write_lines(const fs::path& file, const Text& lines) {
  std::ofstream stream(file);
  for (const std::string& line : lines) stream << line << '\n';
  if (!stream.flush()) throw Error(ErrorKind::kBadInput, file.string() + ": cannot be written");
}

/// "Bert->Electra, x->y all-casing"; nothing when an item is not of that form.
std::optional<std::vector<Replacement>> parse_replacements(const std::string& list) {
  std::vector<Replacement> replacements;
  std::istringstream stream(list);
  for (std::string item; std::getline(stream, item, ',');) {
    item = trimmed(item);
    const bool all = item.ends_with(kAllCasing);
    if (all) item = trimmed(item.substr(0, item.size() - kAllCasing.size()));
    const std::size_t arrow = item.find("->");
    if (arrow == std::string::npos || arrow == 0) return std::nullopt;
    const Replacement replacement{item.substr(0, arrow), item.substr(arrow + 2)};
    replacements.push_back(replacement);
    if (!all) continue;
    replacements.push_back({cased(replacement.from, std::tolower), cased(replacement.to, std::tolower)});
    replacements.push_back({cased(replacement.from, std::toupper), cased(replacement.to, std::toupper)});
  }
  return replacements;
}

std::optional<Mark> parse_mark(const std::string& line) {
  const std::string text = trimmed(line).substr(kMark.size());
  const std::size_t with = text.find(" with ");
  const std::string source = trimmed(text.substr(0, with));
  const std::size_t dot = source.find('.');
  if (dot == std::string::npos || source.find(' ') != std::string::npos) return std::nullopt;
  const auto replacements =
      with == std::string::npos ? std::vector<Replacement>() : parse_replacements(text.substr(with + 6));
  if (!replacements) return std::nullopt;
  return Mark{source.substr(0, dot), source.substr(dot + 1), *replacements};
}

/// The lines [begin, end) of the class that starts at or after `from`, up to the line "};".
struct Block {
  std::size_t begin;
  std::size_t end;
};

std::optional<Block> class_at(const Text& lines, std::size_t from) {
  if (from >= lines.size() || !lines[from].starts_with("class ")) return std::nullopt;
  for (std::size_t i = from; i < lines.size(); ++i) {
    if (lines[i] == "};") return Block{from, i + 1};
  }
  return std::nullopt;
}

std::optional<Block> class_named(const Text& lines, const std::string& name) {
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].starts_with("class " + name + " ")) return class_at(lines, i);
  }
  return std::nullopt;
}

std::string replaced(std::string text, const std::vector<Replacement>& replacements) {
  for (const auto& [from, to] : replacements) {
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
      text.replace(at, from.size(), to);
    }
  }
  return text;
}

/// A word of the class and the line it is on.
struct Word {
  std::string text;
  std::size_t line;
};

/// Without the slashes that begin a comment: where a comment goes on in the next line is layout.
std::string without_slashes(std::string line) {
  for (std::size_t at = line.find("//"); at != std::string::npos; at = line.find("//", at)) {
    line.replace(at, std::min(line.find_first_not_of('/', at), line.size()) - at, " ");
  }
  return line;
}

/// The words of a block: layout and ignored parts fall away.
std::vector<Word> words_of(const Text& lines, const Block& block, const std::vector<Replacement>& replacements) {
  std::vector<Word> words;
  bool ignoring = false;
  for (std::size_t i = block.begin; i < block.end; ++i) {
    const std::string whole = trimmed(replaced(lines[i], replacements));
    if (whole == kIgnore) ignoring = true;
    if (whole.empty()) ignoring = false;
    if (ignoring) continue;
    const std::string line = trimmed(without_slashes(whole));
    std::string word;
    const auto finish = [&] {
      if (!word.empty()) words.push_back({word, i});
      word.clear();
    };
    for (char c : line) {
      const bool part_of_name = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
      if (!part_of_name) finish();
      if (c == ' ') continue;
      word += c;
      if (!part_of_name) finish();
    }
    finish();
  }
  return words;
}

class Checker {
 public:
  Checker(const fs::path& folder, bool fix) : folder_(folder), fix_(fix) {}

  std::vector<CopyFault> run() {
    std::vector<fs::path> files;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder_)) {
      if (entry.path().extension() == ".cc") files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) check_file(file);
    return std::move(faults_);
  }

 private:
  void check_file(const fs::path& file) {
    Text lines = read_lines(file);
    bool changed = false;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (!trimmed(lines[i]).starts_with(kMark)) continue;
      const std::string what = check_mark(&lines, i, &changed);
      if (!what.empty()) faults_.push_back({file, static_cast<int>(i + 1), what});
    }
    if (changed) write_lines(file, lines);
  }

  /// Empty when the class is what the mark says.
  std::string check_mark(Text* lines, std::size_t at, bool* changed) const {
    const std::optional<Mark> mark = parse_mark((*lines)[at]);
    if (!mark) return "the mark is not of the form `// Copied from bert.TFBertLayer with Bert->Electra`";
    const fs::path source_file = folder_ / ("modeling_tf_" + mark->architecture + ".cc");
    if (!fs::exists(source_file)) return "there is no " + source_file.filename().string();
    const Text source = read_lines(source_file);
    const std::optional<Block> original = class_named(source, mark->class_name);
    if (!original) return source_file.filename().string() + " has no class " + mark->class_name;
    const std::optional<Block> copy = class_at(*lines, at + 1);
    if (!copy) return "no class begins on the line below the mark";
    const std::vector<Word> wanted = words_of(source, *original, mark->replacements);
    const std::vector<Word> got = words_of(*lines, *copy, {});
    const auto [w, g] = std::mismatch(wanted.begin(), wanted.end(), got.begin(), got.end(),
                                      [](const Word& a, const Word& b) { return a.text == b.text; });
    if (w == wanted.end() && g == got.end()) return "";
    const std::size_t line = g == got.end() ? copy->end : g->line + 1;
    const std::string what = "the class is not " + mark->class_name + " after the replacements: line " +
                             std::to_string(line) + " has \"" + (g == got.end() ? "}" : g->text) + "\" where \"" +
                             (w == wanted.end() ? "}" : w->text) + "\" is wanted";
    if (fix_) {
      std::vector<std::string> fresh;
      for (std::size_t i = original->begin; i < original->end; ++i) {
        fresh.push_back(replaced(source[i], mark->replacements));
      }
      const auto begin = lines->begin() + static_cast<std::ptrdiff_t>(copy->begin);
      lines->erase(begin, lines->begin() + static_cast<std::ptrdiff_t>(copy->end));
      lines->insert(lines->begin() + static_cast<std::ptrdiff_t>(copy->begin), fresh.begin(), fresh.end());
      *changed = true;
    }
    return what;
  }

  const fs::path folder_;
  const bool fix_;
  std::vector<CopyFault> faults_;
};

}  // namespace

std::vector<CopyFault> check_copies(const fs::path& folder, bool fix) { return Checker(folder, fix).run(); }

}  // namespace crossload::contribute

#include "contribute/copies.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <optional>
#include <sstream>

#include "contribute/blocks.h"
#include "contribute/class_members.h"
#include "contribute/copied_class.h"
#include "contribute/naming.h"
#include "crossload/error.h"

namespace crossload::contribute {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMark = "// Copied from ";
constexpr std::string_view kAllCasing = " all-casing";

/// A mark, taken apart.
struct Mark {
  std::string architecture;  // "bert"
  std::string class_name;    // "TFBertSelfOutput"
  std::vector<Replacement> replacements;
};

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

/// The mark that begins on the line `at`, which becomes the line below it: what is long goes on in further comments.
std::string read_mark(const Text& lines, std::size_t* at) {
  std::string mark = trimmed(lines[(*at)++]);
  for (; *at < lines.size() && trimmed(lines[*at]).starts_with("//"); ++*at) {
    mark += " " + trimmed(trimmed(lines[*at]).substr(2));
  }
  return mark;
}

class Checker {
 public:
  Checker(const fs::path& folder, bool fix, const std::set<std::string>& only)
      : folder_(folder), blocks_(read_blocks(folder.parent_path().parent_path())), fix_(fix), only_(only) {}

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
  std::string renamed(const std::string& text, const Mark& mark) const {
    return replaced(text, mark.replacements, blocks_.names);
  }

  void check_file(const fs::path& file) {
    Text lines = read_lines(file);
    const bool may_fix = fix_ && (only_.empty() || only_.contains(architecture_of(file)));
    bool changed = false;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (!trimmed(lines[i]).starts_with(kMark)) continue;
      const std::size_t known = faults_.size();
      check_mark(&lines, i, may_fix);
      for (std::size_t k = known; k < faults_.size(); ++k) {
        faults_[k].file = file;
        changed = changed || faults_[k].mended;
      }
    }
    if (changed) write_lines(file, lines);
  }

  void check_mark(Text* lines, std::size_t at, bool may_fix) {
    const auto fault = [&](const std::string& what) { faults_.push_back({{}, static_cast<int>(at + 1), what, false}); };
    std::size_t below = at;
    const std::optional<Mark> mark = parse_mark(read_mark(*lines, &below));
    if (!mark) return fault("the mark is not of the form `// Copied from bert.TFBertLayer with Bert->Electra`");
    const fs::path source_file = folder_ / ("modeling_tf_" + mark->architecture + ".cc");
    if (!fs::exists(source_file)) return fault("there is no " + source_file.filename().string());
    Text source = read_lines(source_file);
    for (std::string& line : source) line = renamed(line, *mark);
    const auto original = class_named(source, renamed(mark->class_name, *mark));
    if (!original) return fault(source_file.filename().string() + " has no class " + mark->class_name);
    const std::optional<ClassMembers> copy = class_at(*lines, below);
    if (!copy) return fault("no class begins on the line below the mark");
    const std::string name = mark->architecture + "." + mark->class_name;
    const CopiedClass copied(source, *original, *lines, *copy);
    const std::string difference = copied.difference();
    if (difference.empty()) return;
    const std::string what = "the class is not " + mark->class_name + " after the replacements: " + difference;
    if (!may_fix) return fault(what);
    const std::string obstacle = copied.obstacle(name);
    if (!obstacle.empty()) return fault(what + "; " + obstacle);
    for (const Rewritten& one : copied.rewrite(lines)) {
      faults_.push_back({{}, static_cast<int>(one.line + 1), one.what + " is written anew after " + name, true});
    }
  }

  static std::string architecture_of(const fs::path& file) {
    return file.stem().string().substr(std::string_view("modeling_tf_").size());
  }

  const fs::path folder_;
  const Blocks blocks_;
  const bool fix_;
  const std::set<std::string> only_;
  std::vector<CopyFault> faults_;
};

}  // namespace

std::vector<CopyFault> check_copies(const fs::path& folder, bool fix, const std::set<std::string>& only) {
  return Checker(folder, fix, only).run();
}

}  // namespace crossload::contribute

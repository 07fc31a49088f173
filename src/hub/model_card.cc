#include "hub/model_card.h"

#include <algorithm>
#include <vector>

namespace crossload::hub {
namespace {

using Lines = std::vector<std::string>;  // each with its line end

Lines lines_of(const std::string& text) {
  Lines lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    const std::size_t next = end == std::string::npos ? text.size() : end + 1;
    lines.push_back(text.substr(begin, next - begin));
    begin = next;
  }
  return lines;
}

std::string joined(const Lines& lines) {
  std::string text;
  for (const std::string& line : lines) text += line;
  return text;
}

std::string trimmed(const std::string& text) {
  constexpr const char* kBlanks = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

/// Up to a comment: " #" outside quotes.
std::string without_comment(const std::string& text) {
  char quote = '\0';
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quote != '\0') {
      if (text[i] == quote) quote = '\0';
    } else if (text[i] == '"' || text[i] == '\'') {
      quote = text[i];
    } else if (text[i] == '#' && (i == 0 || text[i - 1] == ' ' || text[i - 1] == '\t')) {
      return text.substr(0, i);
    }
  }
  return text;
}

std::string unquoted(const std::string& word) {
  if (word.size() >= 2 && word.front() == word.back() && (word.front() == '"' || word.front() == '\'')) {
    return word.substr(1, word.size() - 2);
  }
  return word;
}

std::size_t indentation(const std::string& line) { return std::min(line.find_first_not_of(' '), line.size()); }

std::string line_end(const std::string& line) { return line.ends_with("\r\n") ? "\r\n" : "\n"; }

/// True when one of the lines is "- tag".
bool has_item(const Lines& lines, std::size_t begin, std::size_t end, const std::string& tag) {
  return std::any_of(lines.begin() + static_cast<std::ptrdiff_t>(begin),
                     lines.begin() + static_cast<std::ptrdiff_t>(end), [&](const std::string& line) {
                       const std::string item = trimmed(without_comment(line));
                       return item.starts_with("-") && unquoted(trimmed(item.substr(1))) == tag;
                     });
}

/// `tags:` with nothing behind it: the items are on the lines that follow.
EditedCard with_line(Lines lines, std::size_t key, std::size_t header_end, const std::string& tag) {
  std::size_t last = key;  // the last line of an item
  std::size_t indent = 0;
  for (std::size_t i = key + 1; i < header_end; ++i) {
    const std::string content = trimmed(without_comment(lines[i]));
    if (content.empty()) continue;
    const bool is_item = content == "-" || content.starts_with("- ");
    if (!is_item && indentation(lines[i]) == 0) break;  // the next key
    if (!is_item || content == "-" || lines[i].find('\t') < indentation(lines[i])) return {CardEdit::kUnclear, ""};
    if (last != key && indentation(lines[i]) != indent) return {CardEdit::kUnclear, ""};
    indent = indentation(lines[i]);
    last = i;
  }
  if (has_item(lines, key + 1, last + 1, tag)) return {CardEdit::kNone, ""};
  const std::string item = std::string(indent, ' ') + "- " + tag + line_end(lines[key]);
  lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(last) + 1, item);
  return {CardEdit::kEdited, joined(lines)};
}

/// `tags: [a, b]` on one line.
EditedCard with_word(Lines lines, std::size_t key, const std::string& tag) {
  std::string& line = lines[key];
  const std::size_t open = line.find('[');
  const std::size_t close = without_comment(line).rfind(']');
  if (open == std::string::npos || close == std::string::npos || close < open) return {CardEdit::kUnclear, ""};
  const std::string inside = line.substr(open + 1, close - open - 1);
  if (inside.find_first_of("[]{}#") != std::string::npos) return {CardEdit::kUnclear, ""};
  for (std::size_t begin = 0; begin <= inside.size();) {
    const std::size_t comma = std::min(inside.find(',', begin), inside.size());
    if (unquoted(trimmed(inside.substr(begin, comma - begin))) == tag) return {CardEdit::kNone, ""};
    begin = comma + 1;
  }
  const std::size_t end = inside.find_last_not_of(' ');
  if (end == std::string::npos) {
    line.replace(open, close + 1 - open, "[" + tag + "]");
  } else {
    line.insert(open + 1 + end + 1, (inside[end] == ',' ? " " : ", ") + tag);
  }
  return {CardEdit::kEdited, joined(lines)};
}

}  // namespace

EditedCard with_tag(const std::string& card, const std::string& tag) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";  // some editors begin UTF-8 with it
  if (card.starts_with(kMark)) {
    EditedCard edited = with_tag(card.substr(kMark.size()), tag);
    if (edited.edit == CardEdit::kEdited) edited.text.insert(0, kMark);
    return edited;
  }
  Lines lines = lines_of(card);
  if (lines.empty() || trimmed(lines[0]) != "---" || !lines[0].starts_with("---")) {
    const std::string end = lines.empty() ? "\n" : line_end(lines[0]);
    return {CardEdit::kEdited, "---" + end + "tags:" + end + "- " + tag + end + "---" + end + card};
  }
  std::size_t header_end = 1;
  while (header_end < lines.size() && !(lines[header_end].starts_with("---") && trimmed(lines[header_end]) == "---")) {
    ++header_end;
  }
  if (header_end == lines.size()) return {CardEdit::kUnclear, ""};
  for (std::size_t i = 1; i < header_end; ++i) {
    if (!lines[i].starts_with("tags:")) continue;
    const std::string value = trimmed(without_comment(lines[i].substr(5)));
    if (value.empty()) return with_line(lines, i, header_end, tag);
    return value.starts_with('[') ? with_word(lines, i, tag) : EditedCard{CardEdit::kUnclear, ""};
  }
  const std::string end = line_end(lines[0]);
  lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(header_end), "tags:" + end + "- " + tag + end);
  return {CardEdit::kEdited, joined(lines)};
}

}  // namespace crossload::hub

#include "hub/token.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <vector>

#include "bytes/private_file.h"
#include "crossload/error.h"

namespace crossload::hub {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kOwnerOnly = 0600;

std::string trimmed(const std::string& text) {
  constexpr const char* kBlanks = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

fs::path stored_tokens_of(const Settings& settings) { return settings.token_file.parent_path() / "stored_tokens"; }

std::string from_environment() {
  for (const char* name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}) {
    const char* const value = std::getenv(name);
    if (value != nullptr && !trimmed(value).empty()) return value;
  }
  return "";
}

}  // namespace

Token::Token(const std::string& text) : text_(trimmed(text)) {
  if (text_.empty())
    throw Error(ErrorKind::kUsage, "the token is empty; get one at https://huggingface.co/settings/tokens");
  const bool printable = std::all_of(text_.begin(), text_.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (!printable) {
    throw Error(ErrorKind::kUsage, "the token holds blanks or characters that no token has; copy it again (not shown)");
  }
}

std::string Token::removed_from(std::string text) const {
  for (std::size_t at = text.find(text_); at != std::string::npos; at = text.find(text_, at + 3)) {
    text.replace(at, text_.size(), "***");
  }
  return text;
}

std::optional<Token> find_token(const Settings& settings) {
  if (const std::string text = from_environment(); !text.empty()) return Token(text);
  const std::optional<std::string> stored = bytes::read_small(settings.token_file);
  if (!stored || trimmed(*stored).empty()) return std::nullopt;
  return Token(*stored);
}

bool token_is_in_environment() { return !from_environment().empty(); }

void store_token(const Settings& settings, const Token& token) {
  bytes::write_whole(settings.token_file, token.secret(), kOwnerOnly);
}

bool forget_token(const Settings& settings) {
  const std::optional<std::string> stored = bytes::read_small(settings.token_file);
  if (!stored) return false;
  const fs::path list = stored_tokens_of(settings);
  const std::optional<std::string> tokens = bytes::read_small(list);
  if (tokens && !trimmed(*stored).empty()) {
    const std::string kept = without_token(*tokens, Token(*stored));
    if (kept != *tokens) bytes::write_whole(list, kept, kOwnerOnly);
  }
  if (::unlink(settings.token_file.c_str()) != 0) {
    throw Error(ErrorKind::kEnvironment, settings.token_file.string() + ": cannot be removed: " + std::strerror(errno));
  }
  return true;
}

namespace {

struct Section {
  std::string text;
  bool holds_token = false;
  bool can_be_renewed = false;
};

/// What stands before the first section is one, too.
std::vector<Section> sections_of(const std::string& stored_tokens, const Token& token) {
  std::vector<Section> sections(1);
  std::istringstream lines(stored_tokens);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('[')) sections.emplace_back();
    Section& section = sections.back();
    const std::size_t equals = line.find('=');
    if (equals != std::string::npos && trimmed(line.substr(equals + 1)) == token.secret()) section.holds_token = true;
    if (equals != std::string::npos && trimmed(line.substr(0, equals)) == "refresh_token")
      section.can_be_renewed = true;
    section.text += line + "\n";
  }
  return sections;
}

}  // namespace

std::string without_token(const std::string& stored_tokens, const Token& token) {
  std::string kept;
  for (const Section& section : sections_of(stored_tokens, token)) {
    if (!section.holds_token) kept += section.text;
  }
  return kept;
}

bool has_refresh_token(const std::string& stored_tokens, const Token& token) {
  const std::vector<Section> sections = sections_of(stored_tokens, token);
  return std::any_of(sections.begin(), sections.end(),
                     [](const Section& section) { return section.holds_token && section.can_be_renewed; });
}

bool token_is_renewable(const Settings& settings) {
  const std::optional<std::string> stored = bytes::read_small(settings.token_file);
  const std::optional<std::string> tokens = bytes::read_small(stored_tokens_of(settings));
  return stored && tokens && !trimmed(*stored).empty() && has_refresh_token(*tokens, Token(*stored));
}

}  // namespace crossload::hub

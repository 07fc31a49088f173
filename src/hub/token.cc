#include "hub/token.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>

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
  const fs::path list = settings.token_file.parent_path() / "stored_tokens";
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

std::string without_token(const std::string& stored_tokens, const Token& token) {
  std::string kept;
  std::string section;
  bool holds_token = false;
  const auto end_section = [&] {
    if (!holds_token) kept += section;
    section.clear();
    holds_token = false;
  };
  std::istringstream lines(stored_tokens);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('[')) end_section();
    const std::size_t equals = line.find('=');
    if (equals != std::string::npos && trimmed(line.substr(equals + 1)) == token.secret()) holds_token = true;
    section += line + "\n";
  }
  end_section();
  return kept;
}

}  // namespace crossload::hub

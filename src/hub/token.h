// The user's access token: kept in a file that `huggingface_hub` shares, and never shown.
#pragma once

#include <optional>
#include <string>

#include "hub/settings.h"

namespace crossload::hub {

/// A secret. Nothing prints it; who needs its text for a request says so by name.
class Token {
 public:
  /// Without the blanks and line ends around it. Throws Error(kUsage), which does not show the text, when it is empty
  /// or holds anything but printable ASCII (which also keeps it from ending a header's line).
  explicit Token(const std::string& text);
  const std::string& secret() const { return text_; }
  /// The text with every occurrence of the token replaced by "***".
  std::string removed_from(std::string text) const;

 private:
  std::string text_;
};

/// HF_TOKEN, HUGGING_FACE_HUB_TOKEN, or the token's file. Throws Error(kEnvironment) when the file cannot be read.
std::optional<Token> find_token(const Settings& settings);

/// True when an environment variable holds a token, which comes before the file.
bool token_is_in_environment();

/// Writes the token's file, mode 0600, in one step. Throws Error(kEnvironment).
void store_token(const Settings& settings, const Token& token);

/// Removes the token's file, and the same token from the list of tokens (`stored_tokens`) that `huggingface_hub` keeps
/// beside it. False when there was none. Throws Error(kEnvironment).
bool forget_token(const Settings& settings);

/// stored_tokens (an INI file: "[name]", "hf_token = ...") without the sections that hold the token.
std::string without_token(const std::string& stored_tokens, const Token& token);

/// True when the token's file holds one that `hf auth login` got by a browser. It expires; `huggingface_hub` renews it,
/// by the "refresh_token" in its list of tokens, whenever it is asked for it.
bool token_is_renewable(const Settings& settings);

/// True when the section of stored_tokens that holds the token has a "refresh_token" too.
bool has_refresh_token(const std::string& stored_tokens, const Token& token);

}  // namespace crossload::hub

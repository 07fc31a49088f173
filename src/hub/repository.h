// How users and the Hub name a model: "foo/bar", "foo/bar@revision", "hf://foo/bar".
#pragma once

#include <optional>
#include <string>

namespace crossload::hub {

struct Repository {
  std::string id;                 // "foo/bar"; old models have no owner: "gpt2"
  std::string revision = "main";  // a branch, a tag, a commit or refs/pr/N

  /// "models--foo--bar", the folder's name in the cache.
  std::string folder_name() const;
};

/// True for "hf://...", whatever follows.
bool has_hub_scheme(const std::string& name);

/// Reads a name with or without "hf://". Nothing when it is not of the form; `why`, when given, gets the reason. The
/// rules are the Hub's: at most 96 letters, digits, '-', '_' and '.', not "--" or "..", no '-' or '.' at either end of
/// a part, no ".git" at the end. A revision may not leave its folder in the cache.
std::optional<Repository> parse_repository(const std::string& name, std::string* why = nullptr);

/// True for 40 hexadecimal digits, which name a commit for ever.
bool is_commit(const std::string& revision);

/// True for a path that stays below the folder it is joined to: no empty part, "." or "..", no backslash or control
/// character, not absolute.
bool is_safe_path(const std::string& path);

}  // namespace crossload::hub

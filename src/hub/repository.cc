#include "hub/repository.h"

#include <algorithm>
#include <cctype>
#include <sstream>
#include <vector>

namespace crossload::hub {
namespace {

constexpr std::string_view kScheme = "hf://";
constexpr std::size_t kLongestId = 96;  // validate_repo_id of huggingface_hub

bool is_id_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
}

/// The reason why the part cannot be one; empty when it can.
std::string fault_of_part(const std::string& part) {
  if (part.empty()) return "a part of it is empty";
  if (!std::all_of(part.begin(), part.end(), is_id_character)) {
    return "it may hold letters, digits, '-', '_' and '.', and one '/'";
  }
  for (const char end : {part.front(), part.back()}) {
    if (end == '-' || end == '.') return "a part of it begins or ends with '-' or '.'";
  }
  return "";
}

std::string fault_of_id(const std::string& id) {
  if (id.size() > kLongestId) return "it is longer than 96 characters";
  if (id.find("--") != std::string::npos || id.find("..") != std::string::npos) return "it holds \"--\" or \"..\"";
  if (id.ends_with(".git")) return "it ends with .git";
  const std::size_t slash = id.find('/');
  if (slash == std::string::npos) return fault_of_part(id);
  const std::string fault = fault_of_part(id.substr(0, slash));
  return fault.empty() ? fault_of_part(id.substr(slash + 1)) : fault;
}

}  // namespace

std::string Repository::folder_name() const {
  std::string name = "models--" + id;
  const std::size_t slash = name.find('/');
  if (slash != std::string::npos) name.replace(slash, 1, "--");
  return name;
}

bool has_hub_scheme(const std::string& name) { return name.starts_with(kScheme); }

std::optional<Repository> parse_repository(const std::string& name, std::string* why) {
  std::string rest = has_hub_scheme(name) ? name.substr(kScheme.size()) : name;
  Repository repository;
  std::string fault;
  if (const std::size_t at = rest.find('@'); at != std::string::npos) {
    repository.revision = rest.substr(at + 1);
    rest.resize(at);
    if (!is_safe_path(repository.revision)) fault = "the revision after '@' is none";
  }
  repository.id = rest;
  if (fault.empty()) fault = fault_of_id(rest);
  if (fault.empty()) return repository;
  if (why != nullptr) *why = fault;
  return std::nullopt;
}

bool is_commit(const std::string& revision) {
  constexpr std::size_t kDigits = 40;
  return revision.size() == kDigits && std::all_of(revision.begin(), revision.end(), [](unsigned char c) {
           return std::isdigit(c) != 0 || (c >= 'a' && c <= 'f');
         });
}

bool is_safe_path(const std::string& path) {
  if (path.empty() || path.front() == '/' || path.back() == '/') return false;
  const auto is_bad = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f' || c == '\\'; };
  if (std::any_of(path.begin(), path.end(), is_bad)) return false;
  std::istringstream parts(path);
  for (std::string part; std::getline(parts, part, '/');) {
    if (part.empty() || part == "." || part == "..") return false;
  }
  return true;
}

}  // namespace crossload::hub

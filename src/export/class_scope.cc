#include "export/class_scope.h"

namespace crossload::exporting {
namespace {

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

/// Puts "_" between any character and a capital followed by small letters: (.)([A-Z][a-z]+).
std::string split_words(std::string_view name) {
  std::string result;
  std::size_t i = 0;
  while (i < name.size()) {
    result += name[i++];
    if (i + 1 >= name.size() || !is_upper(name[i]) || !is_lower(name[i + 1])) continue;
    result += '_';
    result += name[i++];
    while (i < name.size() && is_lower(name[i])) result += name[i++];
  }
  return result;
}

}  // namespace

std::string class_scope(std::string_view class_name) {
  const std::string words = split_words(class_name);
  std::string result;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0 && is_lower(words[i - 1]) && is_upper(words[i])) result += '_';
    result += is_upper(words[i]) ? static_cast<char>(words[i] - 'A' + 'a') : words[i];
  }
  return result;
}

}  // namespace crossload::exporting

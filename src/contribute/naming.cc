#include "contribute/naming.h"

#include <algorithm>

namespace crossload::contribute {

std::string replaced(std::string_view text, const std::vector<Replacement>& replacements,
                     const std::set<std::string>& kept) {
  std::string result;
  const auto is_whole = [&](std::string_view word) {
    return std::any_of(replacements.begin(), replacements.end(), [&](const auto& one) { return one.from == word; });
  };
  for (std::size_t i = 0; i < text.size();) {
    const bool begins_word = in_word(text[i]) && (i == 0 || !in_word(text[i - 1]));
    const auto end_of_word = std::find_if_not(text.begin() + static_cast<std::ptrdiff_t>(i), text.end(), in_word);
    const std::string_view word = text.substr(i, static_cast<std::size_t>(end_of_word - text.begin()) - i);
    if (begins_word && kept.contains(std::string(word)) && !is_whole(word)) {
      result += word;
      i += word.size();
      continue;
    }
    const auto found = std::find_if(replacements.begin(), replacements.end(),
                                    [&](const Replacement& one) { return text.substr(i).starts_with(one.from); });
    if (found == replacements.end()) {
      result += text[i++];
    } else {
      result += found->to;
      i += found->from.size();
    }
  }
  return result;
}

std::vector<Replacement> renaming(const SourceText& source, const std::string& camel, const std::string& name) {
  std::vector<Replacement> replacements = {{source.camel, camel}};
  if (source.model_type != source.name) replacements.push_back({source.model_type, name});
  replacements.push_back({source.name, name});
  const bool is_of_name = !source.prefix.empty() && source.name.starts_with(source.prefix) && source.alias_of.empty();
  if (is_of_name && source.prefix != source.name) replacements.push_back({source.prefix, name});
  return replacements;
}

std::vector<Replacement> needed(const std::string& text, const std::vector<Replacement>& replacements,
                                const std::set<std::string>& kept) {
  std::vector<Replacement> found;
  std::copy_if(replacements.begin(), replacements.end(), std::back_inserter(found),
               [&](const Replacement& one) { return replaced(text, {one}, kept) != text; });
  return found;
}

std::string mark_of(const std::string& architecture, const Definition& definition,
                    const std::vector<Replacement>& replacements, const std::set<std::string>& kept) {
  std::string mark = "// Copied from " + architecture + "." + definition.name;
  std::string separator = " with ";
  for (const auto& [from, to] : needed(definition.text, replacements, kept)) {
    mark += separator + from + "->" + to;
    separator = ", ";
  }
  return mark;
}

}  // namespace crossload::contribute

// What is called after a model, and what it is called after another: the names that a copy changes.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "contribute/source_text.h"

namespace crossload::contribute {

struct Replacement {
  std::string from;
  std::string to;
};

/// All at once: what was put in is not looked at again, and where several fit the first counts. Words in `kept` stay,
/// unless a replacement is of the whole word: an architecture's classes are renamed, those of blocks are not.
std::string replaced(std::string_view text, const std::vector<Replacement>& replacements,
                     const std::set<std::string>& kept);

/// The names of a model in its sources, and what they become: "Bert" -> `camel`, "bert" -> `name`; DeBERTa's also as
/// "deberta-v2" and "deberta".
std::vector<Replacement> renaming(const SourceText& source, const std::string& camel, const std::string& name);

/// Those of the replacements that change the text.
std::vector<Replacement> needed(const std::string& text, const std::vector<Replacement>& replacements,
                                const std::set<std::string>& kept);

/// "// Copied from bert.TFBertLayer with Bert->Electra, bert->electra"
std::string mark_of(const std::string& architecture, const Definition& definition,
                    const std::vector<Replacement>& replacements, const std::set<std::string>& kept);

}  // namespace crossload::contribute

#include "flow/not_finite.h"

#include <algorithm>

namespace crossload::flow {
namespace {

/// At most so many names are in a sentence.
constexpr std::size_t kNamesInASentence = 3;

/// "a (1 of 4 elements), b (2 of 4 elements) and 3 more"
std::string list_of(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kNamesInASentence); ++i) text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > kNamesInASentence) text += " and " + std::to_string(names.size() - kNamesInASentence) + " more";
  return text;
}

std::string share(const std::string& name, std::int64_t elements, std::int64_t of) {
  return name + " (" + std::to_string(elements) + " of " + std::to_string(of) + " elements)";
}

}  // namespace

std::optional<std::string> note_of_weights(const std::vector<artifact::NotFinite>& found,
                                           const std::vector<keras::LedgerEntry>& ledger) {
  if (found.empty()) return std::nullopt;
  std::vector<std::string> names;
  for (const artifact::NotFinite& one : found) {
    const auto entry = std::find_if(ledger.begin(), ledger.end(), [&](const keras::LedgerEntry& row) {
      return row.fate == keras::LedgerEntry::Fate::kBound && row.detail == one.variable;
    });
    names.push_back(share(entry == ledger.end() ? one.variable : entry->key, one.elements, one.of));
  }
  return "the checkpoint holds NaN or infinity in " + list_of(names) +
         "; TensorFlow gets the same, so that agreement does not mean that the model is sound";
}

std::optional<std::string> note_of_outputs(const verify::Verification& verification) {
  std::vector<std::string> names;
  std::vector<std::string> members;  // of lists, such as hidden_states.1
  for (const verify::StageReport& output : verification.outputs) {
    const verify::Comparison& comparison = output.comparison;
    if (comparison.not_finite == 0) continue;
    const bool is_member = std::count(output.name.begin(), output.name.end(), '.') > 1;
    (is_member ? members : names).push_back(share(output.name, comparison.not_finite, comparison.kept_elements));
  }
  names.insert(names.end(), members.begin(), members.end());
  if (names.empty()) return std::nullopt;
  return "NaN or infinity in both frameworks, which agree and say nothing: " + list_of(names);
}

}  // namespace crossload::flow

#include "flow/caveats.h"

#include <algorithm>

#include "bytes/some_of.h"

namespace crossload::flow {
namespace {

/// Noise that is a larger part of a tensor than this decides what is in it, as where it chooses among numbers.
constexpr double kPartOfATensor = 0.01;

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
  return "the checkpoint holds NaN or infinity in " + bytes::some_of(names) +
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
  return "NaN or infinity in both frameworks, which agree and say nothing: " + bytes::some_of(names);
}

std::optional<std::string> note_of_unstable(const verify::Verification& verification) {
  std::vector<std::string> names;
  for (const verify::StageReport* report : verification.tensors_that(verify::Verdict::kRounding)) {
    const verify::Comparison& comparison = report->comparison;
    if (comparison.kept.noise > kPartOfATensor * comparison.largest_number) names.push_back(report->full_name());
  }
  if (names.empty()) return std::nullopt;
  return "of these agreement says little, as PyTorch itself gives other numbers when its last bits are shaken: " +
         bytes::some_of(names);
}

}  // namespace crossload::flow

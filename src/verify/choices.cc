#include "verify/choices.h"

#include <optional>

namespace crossload::verify {

Choices count_choices(const std::string& output, const Shape& shape, std::span<const float> values,
                      std::span<const float> wanted, const std::vector<bool>& kept) {
  Choices choices;
  if (output.find("logits") == std::string::npos || shape.empty() || shape.back() < 2) return choices;
  const auto width = static_cast<std::size_t>(shape.back());
  const auto is_kept = [&](std::size_t i) { return kept.empty() || kept[i]; };
  // A mask reaches into the last axis only where that is the tokens'.
  if (output == "logits" && shape.size() == 2 && !kept.empty()) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!is_kept(i)) continue;
      ++choices.rows;
      if ((values[i] > 0) != (wanted[i] > 0)) ++choices.changed;
    }
    return choices;
  }
  for (std::size_t row = 0; row + width <= values.size(); row += width) {
    std::optional<std::size_t> chosen;
    std::optional<std::size_t> before;
    for (std::size_t i = row; i < row + width; ++i) {
      if (!is_kept(i)) continue;
      if (!chosen || values[i] > values[*chosen]) chosen = i;
      if (!before || wanted[i] > wanted[*before]) before = i;
    }
    if (!chosen) continue;
    ++choices.rows;
    if (chosen != before) ++choices.changed;
  }
  return choices;
}

}  // namespace crossload::verify

#include "verify/binding.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <optional>
#include <string_view>

#include "tensor/half.h"

namespace crossload::verify {
namespace {

using keras::Variable;
using Elements = std::vector<float>;

Elements expected_values(const Variable& variable) {
  Elements values(static_cast<std::size_t>(element_count(variable.shape)));
  keras::read_rows(variable, 0, tensor::row_count(variable.shape), values);
  return values;
}

Elements stored_values(const exporting::StoredWeights& artifact, const Variable& variable) {
  Elements values(static_cast<std::size_t>(element_count(variable.shape)));
  artifact.read(stored_name(variable), values);
  return values;
}

bool same_bits(const Elements& a, const Elements& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

std::size_t hash_of(const Elements& values) {
  const auto* bytes = reinterpret_cast<const char*>(values.data());
  return std::hash<std::string_view>()(std::string_view(bytes, values.size() * sizeof(float)));
}

std::string index_text(std::size_t offset, const Shape& shape) {
  Shape index(shape.size(), 0);
  auto rest = static_cast<std::int64_t>(offset);
  for (std::size_t i = shape.size(); i-- > 0;) {
    index[i] = rest % shape[i];
    rest /= shape[i];
  }
  return to_string(index);
}

bool is_transposed(const Elements& got, const Elements& wanted, const Shape& shape) {
  if (shape.size() != 2 || shape[0] != shape[1]) return false;
  const auto size = static_cast<std::size_t>(shape[0]);
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j < size; ++j) {
      if (got[i * size + j] != wanted[j * size + i]) return false;
    }
  }
  return true;
}

/// The number of rows by which the table is shifted, when all rows but those that fell off agree.
std::optional<std::int64_t> shifted_rows(const Elements& got, const Elements& wanted, const Shape& shape) {
  constexpr std::int64_t kLargest = 4;
  if (shape.size() != 2) return std::nullopt;
  const auto row = static_cast<std::size_t>(shape[1]);
  for (std::int64_t shift = 1; shift <= std::min(kLargest, shape[0] - 1); ++shift) {
    const std::size_t cut = static_cast<std::size_t>(shift) * row;
    if (std::equal(got.begin(), got.end() - static_cast<std::ptrdiff_t>(cut),
                   wanted.begin() + static_cast<std::ptrdiff_t>(cut)))
      return -shift;
    if (std::equal(got.begin() + static_cast<std::ptrdiff_t>(cut), got.end(), wanted.begin())) return shift;
  }
  return std::nullopt;
}

bool is_rounded(const Elements& got, const Elements& wanted, float (*rounding)(float)) {
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (got[i] != rounding(wanted[i])) return false;
  }
  return true;
}

/// The factor between two tensors, when there is one.
std::optional<float> scale_between(const Elements& got, const Elements& wanted) {
  const auto largest =
      std::max_element(wanted.begin(), wanted.end(), [](float a, float b) { return std::abs(a) < std::abs(b); });
  if (largest == wanted.end() || *largest == 0) return std::nullopt;
  const float factor = got[static_cast<std::size_t>(largest - wanted.begin())] / *largest;
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (std::abs(got[i] - factor * wanted[i]) > 1e-6F * std::abs(*largest)) return std::nullopt;
  }
  return factor;
}

std::string count_differences(const Elements& got, const Elements& wanted, const Shape& shape) {
  std::size_t count = 0;
  std::size_t worst = 0;
  std::size_t first = 0;
  std::size_t last = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (std::bit_cast<std::uint32_t>(got[i]) == std::bit_cast<std::uint32_t>(wanted[i])) continue;
    if (count++ == 0) first = i;
    last = i;
    if (std::abs(got[i] - wanted[i]) > std::abs(got[worst] - wanted[worst])) worst = i;
  }
  const std::string example =
      index_text(worst, shape) + " is " + std::to_string(got[worst]) + ", wanted " + std::to_string(wanted[worst]);
  if (count == 1) return "one element differs: " + example;
  const std::size_t row =
      shape.empty() ? 1 : got.size() / static_cast<std::size_t>(std::max<std::int64_t>(shape[0], 1));
  if (shape.size() > 1 && first / row == last / row)
    return "row " + std::to_string(first / row) + " differs: " + example;
  return std::to_string(count) + " of " + std::to_string(got.size()) + " elements differ, most " + example;
}

class Diagnosis {
 public:
  Diagnosis(const keras::Weights& expected, const exporting::StoredWeights& artifact) : artifact_(artifact) {
    for (const Variable& variable : expected.variables())
      by_hash_[hash_of(expected_values(variable))].push_back(&variable);
  }

  std::string of(const Variable& variable, const Elements& got, const Elements& wanted) const {
    if (is_transposed(got, wanted, variable.shape)) return "transposed: it is in PyTorch's layout";
    if (const Variable* other = holder_of(variable, got); other != nullptr) {
      const bool exchanged = same_bits(stored_values(artifact_, *other), wanted);
      return (exchanged ? "exchanged with " : "holds the values of ") + other->name;
    }
    if (const auto shift = shifted_rows(got, wanted, variable.shape)) {
      return "its rows are shifted by " + std::to_string(*shift);
    }
    if (is_rounded(got, wanted, tensor::through_float16)) return "rounded to float16";
    if (is_rounded(got, wanted, tensor::through_bfloat16)) return "rounded to bfloat16";
    if (std::all_of(got.begin(), got.end(), [&](float value) { return value == got.front(); })) {
      return "every element is " + std::to_string(got.front()) + ": never filled?";
    }
    if (got.size() > 1) {
      if (const auto factor = scale_between(got, wanted)) return "scaled by " + std::to_string(*factor);
    }
    return count_differences(got, wanted, variable.shape);
  }

 private:
  /// Another variable whose expected values these are.
  const Variable* holder_of(const Variable& variable, const Elements& got) const {
    const auto found = by_hash_.find(hash_of(got));
    if (found == by_hash_.end()) return nullptr;
    for (const Variable* other : found->second) {
      if (other != &variable && other->shape == variable.shape && same_bits(expected_values(*other), got)) return other;
    }
    return nullptr;
  }

  const exporting::StoredWeights& artifact_;
  std::map<std::size_t, std::vector<const Variable*>> by_hash_;
};

}  // namespace

std::vector<BindingFault> find_binding_faults(const keras::Weights& expected,
                                              const exporting::StoredWeights& artifact) {
  std::optional<Diagnosis> diagnosis;  // made for the first fault: it reads everything once more
  std::vector<BindingFault> faults;
  for (const Variable& variable : expected.variables()) {
    const Elements got = stored_values(artifact, variable);
    const Elements wanted = expected_values(variable);
    if (same_bits(got, wanted)) continue;
    if (!diagnosis) diagnosis.emplace(expected, artifact);
    faults.push_back({variable.name, variable.key, diagnosis->of(variable, got, wanted)});
  }
  return faults;
}

}  // namespace crossload::verify

// What the probabilities of an attention, [batch, heads, queries, keys], say.
#include <algorithm>
#include <cmath>

#include "verify/hint_patterns.h"

namespace crossload::verify {
namespace {

/// Sizes and places of a tensor of four axes.
struct Grid {
  explicit Grid(const Shape& shape)
      : batch(static_cast<std::size_t>(shape[0])),
        heads(static_cast<std::size_t>(shape[1])),
        queries(static_cast<std::size_t>(shape[2])),
        keys(static_cast<std::size_t>(shape[3])) {}
  std::size_t item(std::size_t i) const { return i / (heads * queries * keys); }
  std::size_t query(std::size_t i) const { return i / keys % queries; }
  std::size_t key(std::size_t i) const { return i % keys; }
  std::size_t batch, heads, queries, keys;
};

/// True when the sums along an axis are all one.
bool sums_to_one(const Numbers& numbers, std::size_t axis) {
  std::size_t inner = 1;
  for (std::size_t i = axis + 1; i < numbers.shape.size(); ++i) inner *= static_cast<std::size_t>(numbers.shape[i]);
  const auto count = static_cast<std::size_t>(numbers.shape[axis]);
  for (std::size_t outer = 0; outer < numbers.values.size() / (inner * count); ++outer) {
    for (std::size_t k = 0; k < inner; ++k) {
      double sum = 0;
      for (std::size_t i = 0; i < count; ++i) sum += numbers.values[(outer * count + i) * inner + k];
      if (!(std::abs(sum - 1) < 1e-3)) return false;
    }
  }
  return true;
}

bool are_attention(const OffTensor& off) {
  const auto in_range = [](float value) { return value >= 0 && value <= 1.001F; };
  return off.pt.shape.size() == 4 && off.pt.shape[3] > 1 && !off.pt.values.empty() &&
         std::all_of(off.pt.values.begin(), off.pt.values.end(), in_range) && sums_to_one(off.pt, 3);
}

/// What a softmax gives for a key that is masked: nothing, or less than any other key has.
constexpr double kNothing = 1e-12;
constexpr double kSomething = 1e-8;

/// `values`, where `support` has something, made to sum to one again. Rows without support, or without a key that the
/// mask keeps, stay as `fallback`: those are treated in many ways.
std::vector<double> renormalized(const OffTensor& off, const Numbers& values, const Numbers& support,
                                 const Numbers& fallback) {
  const auto keys = static_cast<std::size_t>(values.shape[3]);
  const Grid grid(values.shape);
  const Numbers& mask = off.suspect.attention_mask;
  const bool masked = mask.shape.size() == 2 && mask.shape[0] == values.shape[0] && mask.shape[1] == values.shape[3];
  std::vector<double> result(values.values.size(), 0);
  for (std::size_t row = 0; row < result.size(); row += keys) {
    double sum = 0;
    bool has_key = !masked;
    for (std::size_t i = row; i < row + keys; ++i) {
      if (support.values[i] > kNothing) sum += values.values[i];
      const bool may_see = grid.queries != grid.keys || off.pt.values[i] > kNothing;
      has_key = has_key || (may_see && mask.values[grid.item(i) * keys + grid.key(i)] != 0);
    }
    if (!has_key) sum = 0;
    for (std::size_t i = row; i < row + keys; ++i) {
      if (!(sum > 0)) {
        result[i] = fallback.values[i];
      } else if (support.values[i] > kNothing) {
        result[i] = values.values[i] / sum;
      }
    }
  }
  return result;
}

/// Where the places lie that one side excludes and the other does not.
struct Region {
  std::size_t count = 0;
  double largest = 0;         // probability there
  bool excluded_keys = true;  // by the attention mask
  bool later_keys = true;     // above the diagonal
  bool next_key = true;       // just above it
  bool own_key = true;        // on it
};

Region region_of(const OffTensor& off, const Numbers& none, const Numbers& some) {
  const Grid grid(off.pt.shape);
  const Numbers& mask = off.suspect.attention_mask;
  const bool masked = mask.shape.size() == 2 && mask.shape[0] == off.pt.shape[0] && mask.shape[1] == off.pt.shape[3];
  Region region;
  for (std::size_t i = 0; i < off.pt.values.size(); ++i) {
    if (none.values[i] > kNothing || some.values[i] < kSomething) continue;
    ++region.count;
    region.largest = std::max(region.largest, static_cast<double>(some.values[i]));
    region.excluded_keys = region.excluded_keys && masked && mask.values[grid.item(i) * grid.keys + grid.key(i)] == 0;
    region.later_keys = region.later_keys && grid.queries == grid.keys && grid.key(i) > grid.query(i);
    region.next_key = region.next_key && grid.queries == grid.keys && grid.key(i) == grid.query(i) + 1;
    region.own_key = region.own_key && grid.queries == grid.keys && grid.key(i) == grid.query(i);
  }
  return region;
}

/// Rows of items whose keys are all excluded, which every library treats in a way of its own.
std::string hint_rows_without_keys(const OffTensor& off) {
  const Grid grid(off.pt.shape);
  const Numbers& mask = off.suspect.attention_mask;
  if (mask.shape.size() != 2 || mask.shape[0] != off.pt.shape[0] || mask.shape[1] != off.pt.shape[3]) return "";
  bool some = false;
  for (std::size_t i = 0; i < off.pt.values.size(); ++i) {
    if (same(off.tf.values[i], off.pt.values[i])) continue;
    const float* row = &mask.values[grid.item(i) * grid.keys];
    if (std::any_of(row, row + grid.keys, [](float value) { return value != 0; })) return "";
    some = true;
  }
  return some ? "only items whose mask excludes every key differ: the mask's value is added, or chosen, in another way"
              : "";
}

}  // namespace

std::string hint_softmax_axis(const OffTensor& off) {
  if (!are_attention(off) || sums_to_one(off.tf, 3)) return "";
  for (const std::size_t axis : {std::size_t{2}, std::size_t{1}, std::size_t{0}}) {
    if (off.pt.shape[axis] > 1 && sums_to_one(off.tf, axis)) {
      return "TensorFlow's probabilities sum to one along axis " + std::to_string(axis) +
             " and not along the keys: the softmax is over another axis";
    }
  }
  return "";
}

std::string hint_mask(const OffTensor& off) {
  if (!are_attention(off)) return "";
  if (std::string text = hint_rows_without_keys(off); !text.empty()) return text;
  if (explains(renormalized(off, off.tf, off.pt, off.pt), off.pt, off.tf)) {
    const Region more = region_of(off, /*none=*/off.pt, /*some=*/off.tf);
    if (more.count == 0) return "";
    const std::string carry = " carry up to " + spelled(more.largest) + " of the probability in TensorFlow: ";
    if (more.excluded_keys) {
      return "keys that attention_mask excludes" + carry +
             (more.largest < 1e-2 ? "the value for masked scores is too small" : "the mask is not applied");
    }
    if (more.next_key) return "keys one after the query" + carry + "the causal mask is off by one";
    if (more.later_keys) return "keys after the query" + carry + "the causal mask is missing";
    return "keys that PyTorch excludes" + carry + "a mask is missing";
  }
  if (explains(renormalized(off, off.pt, off.tf, off.tf), off.tf, off.pt)) {
    const Region less = region_of(off, /*none=*/off.tf, /*some=*/off.pt);
    if (less.count == 0) return "";
    if (less.own_key) return "TensorFlow gives a query's own key nothing: the causal mask is off by one";
    if (less.later_keys)
      return "TensorFlow gives keys after the query nothing: a causal mask that PyTorch does not have";
    if (less.excluded_keys) return "TensorFlow applies attention_mask where PyTorch does not";
    return "TensorFlow gives nothing to keys that PyTorch attends to: a mask excludes too much";
  }
  return "";
}

std::string hint_score_scale(const OffTensor& off) {
  if (!are_attention(off)) return "";
  const auto keys = static_cast<std::size_t>(off.pt.shape[3]);
  // The logarithms of a row's probabilities are its scores but for a constant.
  double both = 0;
  double one = 0;
  for (std::size_t row = 0; row < off.pt.values.size(); row += keys) {
    std::vector<std::pair<double, double>> scores;
    double mean_tf = 0;
    double mean_pt = 0;
    for (std::size_t i = row; i < row + keys; ++i) {
      if (off.pt.values[i] < kSomething || off.tf.values[i] < kSomething) continue;
      scores.emplace_back(std::log(off.tf.values[i]), std::log(off.pt.values[i]));
      mean_tf += scores.back().first;
      mean_pt += scores.back().second;
    }
    const auto count = static_cast<double>(scores.size());
    for (const auto& [tf, pt] : scores) {
      both += (tf - mean_tf / count) * (pt - mean_pt / count);
      one += (pt - mean_pt / count) * (pt - mean_pt / count);
    }
  }
  if (!(one > 0)) return "";
  const double factor = both / one;
  if (std::abs(factor - 1) < 1e-3 || !std::isfinite(factor)) return "";
  std::vector<double> candidate(off.pt.values.size(), 0);
  for (std::size_t row = 0; row < candidate.size(); row += keys) {
    double sum = 0;
    for (std::size_t i = row; i < row + keys; ++i) {
      candidate[i] = off.pt.values[i] > kNothing ? std::pow(static_cast<double>(off.pt.values[i]), factor) : 0;
      sum += candidate[i];
    }
    for (std::size_t i = row; i < row + keys && sum > 0; ++i) candidate[i] /= sum;
  }
  if (!explains(candidate, off.tf, off.pt)) return "";
  return "TensorFlow's scores before the softmax are " + spelled(factor) + " times PyTorch's" +
         named_factor(factor, off.suspect);
}

}  // namespace crossload::verify

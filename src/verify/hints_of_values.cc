// What two tensors say by themselves, whatever the module is.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "verify/hint_patterns.h"

namespace crossload::verify {
namespace {

std::size_t size_at(const Shape& shape, std::size_t axis) { return static_cast<std::size_t>(shape[axis]); }

/// The elements of a tensor with its axes in another order.
std::vector<float> permuted(const Numbers& numbers, const std::vector<std::size_t>& order) {
  const std::size_t rank = numbers.shape.size();
  std::vector<std::size_t> strides(rank, 1);
  for (std::size_t i = rank - 1; i-- > 0;) strides[i] = strides[i + 1] * size_at(numbers.shape, i + 1);
  std::vector<float> result;
  result.reserve(numbers.values.size());
  std::vector<std::size_t> index(rank, 0);
  for (std::size_t n = 0; n < numbers.values.size(); ++n) {
    std::size_t at = 0;
    for (std::size_t i = 0; i < rank; ++i) at += index[i] * strides[order[i]];
    result.push_back(numbers.values[at]);
    for (std::size_t i = rank; i-- > 0;) {
      if (++index[i] < size_at(numbers.shape, order[i])) break;
      index[i] = 0;
    }
  }
  return result;
}

bool all_same(std::span<const float> a, std::span<const float> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](float x, float y) { return same(x, y); });
}

/// A tensor as [outer, axis, inner].
struct Slices {
  Slices(const Shape& shape, std::size_t axis) {
    for (std::size_t i = 0; i < axis; ++i) outer *= size_at(shape, i);
    count = size_at(shape, axis);
    for (std::size_t i = axis + 1; i < shape.size(); ++i) inner *= size_at(shape, i);
  }
  bool same_slice(const Numbers& a, std::size_t i, const Numbers& b, std::size_t j) const {
    for (std::size_t o = 0; o < outer; ++o) {
      const float* left = &a.values[(o * count + i) * inner];
      const float* right = &b.values[(o * count + j) * inner];
      for (std::size_t k = 0; k < inner; ++k) {
        if (!same(left[k], right[k])) return false;
      }
    }
    return true;
  }
  bool is_constant(const Numbers& a, std::size_t i) const {
    const float first = a.values[i * inner];
    for (std::size_t o = 0; o < outer; ++o) {
      const float* slice = &a.values[(o * count + i) * inner];
      if (!std::all_of(slice, slice + inner, [&](float value) { return same(value, first); })) return false;
    }
    return true;
  }
  std::size_t outer = 1;
  std::size_t count = 1;
  std::size_t inner = 1;
};

constexpr int kNone = -1;

/// For each slice of TensorFlow's the slice of PyTorch's that it is, kNone for none.
std::vector<int> sources_of_slices(const OffTensor& off, const Slices& slices) {
  std::vector<int> sources(slices.count, kNone);
  for (std::size_t i = 0; i < slices.count; ++i) {
    if (slices.same_slice(off.tf, i, off.pt, i)) {
      sources[i] = static_cast<int>(i);
      continue;
    }
    for (std::size_t j = 0; j < slices.count && sources[i] == kNone; ++j) {
      if (slices.same_slice(off.tf, i, off.pt, j)) sources[i] = static_cast<int>(j);
    }
  }
  return sources;
}

/// The shift that all slices but those at the border have; 0 when there is none.
int shift_of(const std::vector<int>& sources) {
  const int count = static_cast<int>(sources.size());
  for (int shift : {1, -1, 2, -2, 3, -3}) {
    if (count < 2 * std::abs(shift) + 2) continue;
    bool holds = true;
    for (int i = 0; i < count && holds; ++i) {
      const int wanted = i - shift;
      if (wanted >= 0 && wanted < count) holds = sources[static_cast<std::size_t>(i)] == wanted;
    }
    if (holds) return shift;
  }
  return 0;
}

std::string hint_along(const OffTensor& off, std::size_t axis) {
  const Slices slices(off.pt.shape, axis);
  if (slices.count < 2 || slices.count > 4096 || slices.outer * slices.inner < 2) return "";
  const std::vector<int> sources = sources_of_slices(off, slices);
  const std::string along = " along axis " + std::to_string(axis);
  if (const int shift = shift_of(sources); shift != 0) {
    return "TensorFlow's slices" + along + " are PyTorch's, shifted by " + std::to_string(shift);
  }
  if (std::find(sources.begin(), sources.end(), kNone) != sources.end()) return "";
  if (slices.is_constant(off.pt, static_cast<std::size_t>(sources.front()))) return "";
  if (std::all_of(sources.begin(), sources.end(), [&](int source) { return source == sources.front(); })) {
    return "every slice of TensorFlow's" + along + " is PyTorch's slice " + std::to_string(sources.front());
  }
  std::vector<bool> used(slices.count, false);
  for (const int source : sources) used[static_cast<std::size_t>(source)] = true;
  const bool all = std::find(used.begin(), used.end(), false) == used.end();
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (sources[i] == static_cast<int>(i)) continue;
    // Zeros and the like are found everywhere.
    if (slices.is_constant(off.pt, static_cast<std::size_t>(sources[i]))) return "";
    return (all ? "TensorFlow's slices" + along + " are PyTorch's in another order: "
                : "TensorFlow's slices" + along + " are some of PyTorch's: ") +
           std::to_string(i) + " is PyTorch's " + std::to_string(sources[i]);
  }
  return "";
}

double dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

std::vector<double> scaled(const Numbers& numbers, double factor) {
  std::vector<double> result = doubles(numbers);
  for (double& value : result) value *= factor;
  return result;
}

std::vector<double> sum_of(const Numbers& a, const Numbers& b, double factor) {
  std::vector<double> result = doubles(a);
  for (std::size_t i = 0; i < result.size(); ++i) result[i] += factor * b.values[i];
  return result;
}

bool is_close(double a, double b) { return std::abs(a - b) <= 1e-2 * std::abs(b); }

/// True when each element of `v` is factor * b to a hundredth of b's size.
bool are_proportional(const std::vector<double>& v, std::span<const float> b, double factor) {
  if (v.size() != b.size()) return false;
  double size = 0;
  double distance = 0;
  for (std::size_t i = 0; i < v.size(); ++i) {
    size = std::max(size, std::abs(static_cast<double>(b[i])));
    distance = std::max(distance, std::abs(v[i] - factor * b[i]));
  }
  return size > 0 && distance <= 1e-2 * size;
}

/// What a vector that is added to every row is.
std::string name_vector(const std::vector<double>& v, const Suspect& suspect) {
  const std::span<const float> bias = suspect.own.bias.values;
  if (are_proportional(v, bias, -1)) return "TensorFlow lacks the bias: every row differs by it";
  if (are_proportional(v, bias, 1)) return "TensorFlow adds the bias twice: every row differs by it";
  for (const Parameters& other : suspect.alike) {
    if (other.bias.values.size() != v.size() || bias.size() != v.size()) continue;
    std::vector<float> difference(v.size());
    for (std::size_t i = 0; i < v.size(); ++i) difference[i] = other.bias.values[i] - bias[i];
    if (are_proportional(v, difference, 1)) return "TensorFlow adds the bias of " + other.module;
  }
  double largest = 0;
  for (double value : v) largest = std::max(largest, std::abs(value));
  const auto is_large = [&](double value) { return std::abs(value) > 0.1 * largest; };
  const auto large = std::count_if(v.begin(), v.end(), is_large);
  if (large == 1 && v.size() > 1) {
    const auto at = std::find_if(v.begin(), v.end(), is_large);
    return "element " + std::to_string(at - v.begin()) + " of every row differs by " + spelled(*at) +
           ": one element of a bias, likely";
  }
  const auto [low, high] = std::minmax_element(v.begin(), v.end());
  if (v.size() > 1 && *high - *low <= 0.02 * largest) return "TensorFlow is " + spelled(*low) + " more everywhere";
  return "TensorFlow differs by the same vector in every row: a bias, likely";
}

}  // namespace

std::string hint_not_finite(const OffTensor& off) {
  const std::size_t length = off.tf.shape.empty() ? 1 : size_at(off.tf.shape, off.tf.shape.size() - 1);
  std::size_t count = 0;
  std::size_t whole_rows = 0;
  std::size_t in_row = 0;
  for (std::size_t i = 0; i < off.tf.values.size(); ++i) {
    if (i % length == 0) in_row = 0;
    if (std::isfinite(off.tf.values[i]) || !std::isfinite(off.pt.values[i])) continue;
    ++count;
    if (++in_row == length) ++whole_rows;
  }
  if (count == 0) return "";
  std::string text = std::to_string(count) + " of TensorFlow's " + std::to_string(off.tf.values.size()) +
                     " elements are NaN or infinite where PyTorch's are finite";
  if (length > 1 && whole_rows * length == count) text += ", in whole rows: what is divided by is zero there, likely";
  return text;
}

std::string hint_axes(const OffTensor& off) {
  const std::size_t rank = off.pt.shape.size();
  if (rank < 2 || rank > 5 || off.tf.values.size() != off.pt.values.size() || off.pt.values.empty()) return "";
  std::vector<std::size_t> order(rank);
  std::iota(order.begin(), order.end(), 0);
  while (std::next_permutation(order.begin(), order.end())) {
    const std::vector<float> values = permuted(off.pt, order);
    if (!all_same(off.tf.values, values) || all_same(off.pt.values, values)) continue;
    Shape shape;
    Shape axes;
    for (const std::size_t axis : order) {
      shape.push_back(off.pt.shape[axis]);
      axes.push_back(static_cast<std::int64_t>(axis));
    }
    if (shape == off.tf.shape) return "TensorFlow's tensor is PyTorch's with its axes in the order " + to_string(axes);
    return "TensorFlow's elements are PyTorch's in the order of axes " + to_string(axes) +
           ": a reshape where a transposition is needed, or the other way round";
  }
  if (off.tf.shape != off.pt.shape && all_same(off.tf.values, off.pt.values)) {
    return "the elements are the same, in the same order: only the shape differs";
  }
  return "";
}

std::string hint_broadcast(const OffTensor& off) {
  const bool tf_is_larger = off.tf.values.size() > off.pt.values.size();
  const Numbers& large = tf_is_larger ? off.tf : off.pt;
  const Numbers& small = tf_is_larger ? off.pt : off.tf;
  if (small.values.empty() || small.shape.size() > large.shape.size()) return "";
  Shape shape = small.shape;
  shape.insert(shape.begin(), large.shape.size() - shape.size(), 1);
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] != 1 && shape[i] != large.shape[i]) return "";
  }
  std::vector<std::size_t> index(shape.size(), 0);
  for (const float value : large.values) {
    std::size_t at = 0;
    for (std::size_t i = 0; i < shape.size(); ++i) at = at * size_at(shape, i) + (shape[i] == 1 ? 0 : index[i]);
    if (!same(value, small.values[at])) return "";
    for (std::size_t i = shape.size(); i-- > 0;) {
      if (++index[i] < size_at(large.shape, i)) break;
      index[i] = 0;
    }
  }
  return tf_is_larger ? "TensorFlow's tensor is PyTorch's, repeated" : "PyTorch's tensor is TensorFlow's, repeated";
}

std::string hint_slices(const OffTensor& off) {
  for (std::size_t axis = 0; axis < off.pt.shape.size(); ++axis) {
    if (std::string text = hint_along(off, axis); !text.empty()) return text;
  }
  return "";
}

std::string hint_other_stage(const OffTensor& off) {
  const auto is_it = [&](const NamedNumbers& stage) {
    return stage.numbers.shape == off.tf.shape && explains(doubles(stage.numbers), off.tf, off.pt);
  };
  for (const NamedNumbers& stage : off.suspect.reads) {
    if (is_it(stage)) return "TensorFlow returns " + stage.name + " as it is: what the module does itself is missing";
  }
  for (const NamedNumbers& stage : off.suspect.others) {
    if (is_it(stage)) return "TensorFlow's values are those of PyTorch's " + stage.name;
  }
  return "";
}

std::string hint_scale(const OffTensor& off) {
  const double size = dot(off.pt.values, off.pt.values);
  if (off.pt.values.size() < 4 || !(size > 0)) return "";  // fewer are in proportion by chance
  const double factor = dot(off.tf.values, off.pt.values) / size;
  if (!std::isfinite(factor) || std::abs(factor - 1) < 1e-4) return "";
  if (!explains(scaled(off.pt, factor), off.tf, off.pt)) return "";
  if (std::abs(factor) < 1e-6) return "TensorFlow's values are zero";
  if (is_close(factor, -1)) return "TensorFlow's values have the opposite sign";
  return "TensorFlow's values are " + spelled(factor) + " times PyTorch's" + named_factor(factor, off.suspect);
}

std::string hint_dropout(const OffTensor& off) {
  std::size_t zeros = 0;
  std::size_t others = 0;
  double factor = 0;
  for (std::size_t i = 0; i < off.tf.values.size(); ++i) {
    if (std::abs(off.pt.values[i]) < 1e-6F) continue;
    if (off.tf.values[i] == 0) {
      ++zeros;
    } else {
      ++others;
      factor += static_cast<double>(off.tf.values[i]) / off.pt.values[i];
    }
  }
  if (zeros < 3 || others < 3) return "";
  factor /= static_cast<double>(others);
  const double share = static_cast<double>(zeros) / static_cast<double>(zeros + others);
  std::vector<double> candidate = scaled(off.pt, factor);
  for (std::size_t i = 0; i < candidate.size(); ++i) {
    if (off.tf.values[i] == 0) candidate[i] = 0;
  }
  if (factor < 1.005 || !explains(candidate, off.tf, off.pt)) return "";
  return spelled(100 * share) + " % of TensorFlow's elements are zero and the others " + spelled(factor) +
         " times PyTorch's: dropout is active, with a rate of " + spelled(1 - 1 / factor);
}

std::string hint_dtype(const OffTensor& off) {
  for (const bool half : {false, true}) {  // the narrower type first: float16 has most of its numbers too
    const auto rounded = half ? rounded_to_float16 : rounded_to_bfloat16;
    std::size_t narrow = 0;       // of TensorFlow's
    std::size_t wide = 0;         // of PyTorch's, where it has digits that the type lacks
    std::size_t is_rounding = 0;  // TensorFlow's is PyTorch's, rounded
    for (std::size_t i = 0; i < off.tf.values.size(); ++i) {
      const float pt = off.pt.values[i];
      if (rounded(pt) != pt) ++wide;
      if (rounded(off.tf.values[i]) == off.tf.values[i]) ++narrow;
      if (rounded(pt) == off.tf.values[i]) ++is_rounding;
    }
    const std::size_t count = off.tf.values.size();
    if (wide < 12 || wide < count / 2) continue;
    const std::string type = half ? "float16" : "bfloat16";
    if (is_rounding >= count - count / 100) return "TensorFlow's values are PyTorch's rounded to " + type;
    if (narrow == count)
      return "all of TensorFlow's values are " + type + " numbers: it computes in " + type + ", likely";
  }
  return "";
}

std::string hint_bias(const OffTensor& off) {
  const std::size_t rank = off.pt.shape.size();
  if (rank < 2) return "";
  for (const std::size_t axis : {rank - 1, std::size_t{1}}) {
    const Slices slices(off.pt.shape, axis);
    const std::size_t rows = slices.outer * slices.inner;
    if (rows < 3 || off.pt.values.size() < 6) continue;
    std::vector<double> v(slices.count, 0);
    const auto feature = [&](std::size_t i) { return i / slices.inner % slices.count; };
    for (std::size_t i = 0; i < off.tf.values.size(); ++i) {
      v[feature(i)] += (static_cast<double>(off.tf.values[i]) - off.pt.values[i]) / static_cast<double>(rows);
    }
    std::vector<double> candidate = doubles(off.pt);
    for (std::size_t i = 0; i < candidate.size(); ++i) candidate[i] += v[feature(i)];
    if (explains(candidate, off.tf, off.pt)) return name_vector(v, off.suspect);
  }
  return "";
}

std::string hint_added_stage(const OffTensor& off) {
  for (const auto* stages : {&off.suspect.reads, &off.suspect.others}) {
    for (const NamedNumbers& stage : *stages) {
      if (stage.numbers.shape != off.tf.shape || off.tf.values.size() < 8) continue;
      const double size = dot(stage.numbers.values, stage.numbers.values);
      if (!(size > 0)) continue;
      const double factor =
          (dot(off.tf.values, stage.numbers.values) - dot(off.pt.values, stage.numbers.values)) / size;
      if (!explains(sum_of(off.pt, stage.numbers, factor), off.tf, off.pt)) continue;
      if (is_close(factor, -1)) return "TensorFlow does not add " + stage.name;
      if (is_close(factor, 1)) return "TensorFlow adds " + stage.name + " once too often";
      return "TensorFlow differs by " + spelled(factor) + " times " + stage.name;
    }
  }
  return "";
}

std::string hint_borders(const OffTensor& off) {
  if (off.suspect.class_name.find("Conv") == std::string::npos && off.suspect.path.find("conv") == std::string::npos) {
    return "";
  }
  for (std::size_t axis = 1; axis < off.pt.shape.size(); ++axis) {
    const Slices slices(off.pt.shape, axis);
    std::vector<std::size_t> differ;
    std::size_t elements = 0;
    for (std::size_t i = 0; i < slices.count; ++i) {
      if (!slices.same_slice(off.tf, i, off.pt, i)) differ.push_back(i);
    }
    for (std::size_t i = 0; i < off.tf.values.size(); ++i) elements += same(off.tf.values[i], off.pt.values[i]) ? 0 : 1;
    if (2 * elements < differ.size() * slices.outer * slices.inner) continue;  // some elements that happen to lie there
    const std::size_t border = slices.count / 4;
    if (differ.empty() || border == 0 || 2 * differ.size() > slices.count) continue;
    if (std::any_of(differ.begin(), differ.end(),
                    [&](std::size_t i) { return i >= border && i + border < slices.count; })) {
      continue;
    }
    std::string indexes;
    for (std::size_t i = 0; i < std::min<std::size_t>(differ.size(), 6); ++i) {
      indexes += (i == 0 ? "" : ", ") + std::to_string(differ[i]);
    }
    return "only the borders along axis " + std::to_string(axis) + " differ (" + indexes + " of " +
           std::to_string(slices.count) + "): the padding, likely";
  }
  return "";
}

}  // namespace crossload::verify

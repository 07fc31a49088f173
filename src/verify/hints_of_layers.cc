// What a layer's own input and parameters say.
#include <algorithm>
#include <cmath>
#include <set>
#include <string_view>
#include <unordered_map>

#include "verify/activation_functions.h"
#include "verify/hint_patterns.h"

namespace crossload::verify {
namespace {

using Column = std::vector<double>;

// ---- Linear ----

/// Rows of a matrix product: [rows, in].
struct Rows {
  std::string name;
  std::vector<Column> rows;
};

/// y = x W + b for some rows, with a kernel of [in, out] or, transposed, [out, in].
class Product {
 public:
  Product(const Numbers& weight, const Numbers& bias, bool transposed, float (*round)(float) = nullptr,
          float (*round_bias)(float) = nullptr)
      : weight_(weight), bias_(bias), transposed_(transposed), round_(round), round_bias_(round_bias) {}

  double at(const Column& x, std::size_t column) const {
    const std::size_t in = x.size();
    const std::size_t out = weight_.values.size() / in;
    double sum = bias_.values.empty() ? 0 : rounded(round_bias_, bias_.values[column]);
    for (std::size_t i = 0; i < in; ++i) {
      sum += x[i] * rounded(round_, weight_.values[transposed_ ? column * in + i : i * out + column]);
    }
    return sum;
  }

 private:
  static double rounded(float (*round)(float), float value) { return round == nullptr ? value : round(value); }

  const Numbers& weight_;
  const Numbers& bias_;
  const bool transposed_;
  float (*const round_)(float);
  float (*const round_bias_)(float);
};

/// Some rows of the two results, and what can be said of products for them.
class LinearCase {
 public:
  explicit LinearCase(const OffTensor& off) : off_(off), out_(last_size(off.pt)) {
    const std::size_t count = off.pt.values.size() / out_;
    // The rows that differ most: they are looked at, the others are of the same product.
    std::vector<std::pair<double, std::size_t>> order;
    for (std::size_t row = 0; row < count; ++row) {
      double difference = 0;
      for (std::size_t i = 0; i < out_; ++i) {
        difference = std::max(
            difference, std::abs(static_cast<double>(off.tf.values[row * out_ + i]) - off.pt.values[row * out_ + i]));
      }
      order.emplace_back(-difference, row);
    }
    std::sort(order.begin(), order.end());
    for (std::size_t i = 0; i < std::min<std::size_t>(order.size(), 8); ++i) rows_.push_back(order[i].second);
    for (const std::size_t row : rows_) {
      const auto at = static_cast<std::ptrdiff_t>(row * out_);
      tf_.insert(tf_.end(), off.tf.values.begin() + at, off.tf.values.begin() + at + static_cast<std::ptrdiff_t>(out_));
      pt_.insert(pt_.end(), off.pt.values.begin() + at, off.pt.values.begin() + at + static_cast<std::ptrdiff_t>(out_));
    }
    const Shape shape = {static_cast<std::int64_t>(rows_.size()), static_cast<std::int64_t>(out_)};
    tf_numbers_ = {shape, tf_};
    pt_numbers_ = {shape, pt_};
  }

  const std::vector<std::size_t>& rows() const { return rows_; }
  std::size_t out() const { return out_; }
  const Numbers& tf() const { return tf_numbers_; }
  const Numbers& pt() const { return pt_numbers_; }

  bool gives_tf(const Rows& x, const Product& product) const { return gives(x, product, tf_numbers_, pt_numbers_); }
  bool gives_pt(const Rows& x, const Product& product) const { return gives(x, product, pt_numbers_, tf_numbers_); }

 private:
  /// A few columns decide about most products; all of them about the rest.
  bool gives(const Rows& x, const Product& product, const Numbers& wanted, const Numbers& other) const {
    double worst = 0;
    for (std::size_t i = 0; i < wanted.values.size(); ++i) {
      worst = std::max(worst, std::abs(static_cast<double>(wanted.values[i]) - other.values[i]));
    }
    std::vector<double> candidate(wanted.values.size());
    for (std::size_t column = 0; column < out_; ++column) {
      for (std::size_t row = 0; row < x.rows.size(); ++row) {
        const std::size_t at = row * out_ + column;
        candidate[at] = product.at(x.rows[row], column);
        if (!(std::abs(candidate[at] - wanted.values[at]) <= 0.1 * worst)) return false;
      }
    }
    return explains(candidate, wanted, other);
  }

  const OffTensor& off_;
  std::size_t out_;
  std::vector<std::size_t> rows_;
  std::vector<float> tf_;
  std::vector<float> pt_;
  Numbers tf_numbers_;
  Numbers pt_numbers_;
};

/// The rows of a stage that stand where the result's rows do; for a result without the axis of positions, those of one
/// position.
std::vector<Rows> rows_of_reads(const OffTensor& off, const LinearCase& linear, std::size_t in) {
  std::vector<Rows> found;
  for (const NamedNumbers& read : off.suspect.reads) {
    const Numbers& x = read.numbers;
    if (last_size(x) != in || x.shape.size() < 2) continue;
    const std::size_t count = x.values.size() / in;
    const auto row_at = [&](std::size_t row) {
      const auto begin = x.values.begin() + static_cast<std::ptrdiff_t>(row * in);
      return Column(begin, begin + static_cast<std::ptrdiff_t>(in));
    };
    if (count == off.pt.values.size() / linear.out()) {
      Rows rows{read.name, {}};
      for (const std::size_t row : linear.rows()) rows.rows.push_back(row_at(row));
      found.push_back(std::move(rows));
    } else if (x.shape.size() == 3 && off.pt.shape.size() == 2 && x.shape[0] == off.pt.shape[0]) {
      const auto length = static_cast<std::size_t>(x.shape[1]);
      for (std::size_t position = 0; position < length && length <= 64; ++position) {
        Rows rows{"position " + std::to_string(position) + " of " + read.name, {}};
        for (const std::size_t row : linear.rows()) rows.rows.push_back(row_at(row * length + position));
        found.push_back(std::move(rows));
      }
    }
  }
  return found;
}

/// The rows x of PyTorch's x W + b, from the result, where W is square and not too large; empty when W has no inverse.
Rows solved_rows(const LinearCase& linear, const Parameters& own) {
  const std::size_t n = linear.out();
  if (n > 1024 || own.weight.values.size() != n * n) return {};
  // x W = y, so W^T x^T = y^T: elimination with the largest pivot.
  std::vector<Column> a(n, Column(n));
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) a[j][i] = own.weight.values[i * n + j];
  }
  const std::size_t count = linear.rows().size();
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t row = 0; row < count; ++row) {
      const double bias = own.bias.values.empty() ? 0 : own.bias.values[j];
      a[j].push_back(linear.pt().values[row * n + j] - bias);
    }
  }
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t pivot = k;
    for (std::size_t i = k + 1; i < n; ++i) {
      if (std::abs(a[i][k]) > std::abs(a[pivot][k])) pivot = i;
    }
    if (!(std::abs(a[pivot][k]) > 1e-9)) return {};
    std::swap(a[k], a[pivot]);
    for (std::size_t i = k + 1; i < n; ++i) {
      const double factor = a[i][k] / a[k][k];
      if (factor == 0) continue;
      for (std::size_t j = k; j < a[i].size(); ++j) a[i][j] -= factor * a[k][j];
    }
  }
  Rows found{"its input", std::vector<Column>(count, Column(n))};
  for (std::size_t row = 0; row < count; ++row) {
    for (std::size_t k = n; k-- > 0;) {
      double sum = a[k][n + row];
      for (std::size_t j = k + 1; j < n; ++j) sum -= a[k][j] * found.rows[row][j];
      found.rows[row][k] = sum / a[k][k];
    }
  }
  return found;
}

/// All of the difference in one column, and in proportion to one element of the input.
std::string kernel_element(const LinearCase& linear, const Rows& x) {
  const std::size_t out = linear.out();
  double largest = 0;
  std::size_t worst = 0;
  for (std::size_t i = 0; i < linear.tf().values.size(); ++i) {
    const double difference = std::abs(static_cast<double>(linear.tf().values[i]) - linear.pt().values[i]);
    if (difference > largest) worst = i;
    largest = std::max(largest, difference);
  }
  const std::size_t column = worst % out;
  if (x.rows.size() < 6) return "";  // fewer are in proportion to something by chance
  for (std::size_t i = 0; i < x.rows.front().size(); ++i) {
    double both = 0;
    double one = 0;
    for (std::size_t row = 0; row < x.rows.size(); ++row) {
      const std::size_t at = row * out + column;
      both += (static_cast<double>(linear.tf().values[at]) - linear.pt().values[at]) * x.rows[row][i];
      one += x.rows[row][i] * x.rows[row][i];
    }
    if (!(one > 0)) continue;
    std::vector<double> candidate = doubles(linear.pt());
    for (std::size_t row = 0; row < x.rows.size(); ++row) candidate[row * out + column] += both / one * x.rows[row][i];
    if (explains(candidate, linear.tf(), linear.pt())) {
      return "one element of TensorFlow's kernel, [" + std::to_string(i) + ", " + std::to_string(column) +
             "], is off by " + spelled(both / one);
    }
  }
  return "";
}

std::string kernel_fault(const LinearCase& linear, const Suspect& suspect, const Rows& x) {
  const Parameters& own = suspect.own;
  const std::size_t in = x.rows.front().size();
  if (in == linear.out() && linear.gives_tf(x, Product(own.weight, own.bias, /*transposed=*/true))) {
    return "TensorFlow multiplies by the transposed kernel";
  }
  for (const Parameters& other : suspect.alike) {
    if (linear.gives_tf(x, Product(other.weight, other.bias, /*transposed=*/false))) {
      return "TensorFlow computes with the weights of " + other.module;
    }
    if (linear.gives_tf(x, Product(other.weight, own.bias, /*transposed=*/false))) {
      return "TensorFlow multiplies by the kernel of " + other.module;
    }
  }
  for (const auto& [type, round] :
       {std::pair("float16", &rounded_to_float16), std::pair("bfloat16", &rounded_to_bfloat16)}) {
    for (float (*const round_bias)(float) : {round, static_cast<float (*)(float)>(nullptr)}) {
      if (!linear.gives_tf(x, Product(own.weight, own.bias, /*transposed=*/false, round, round_bias))) continue;
      return std::string("TensorFlow computes with weights rounded to ") + type;
    }
  }
  return kernel_element(linear, x);
}

// ---- Embedding ----

/// Rows of a table, found by their bytes.
class Table {
 public:
  Table(const Numbers& weight, double factor) : values_(weight.values), size_(last_size(weight)) {
    if (factor != 1) {
      scaled_.assign(weight.values.begin(), weight.values.end());
      for (float& value : scaled_) value *= static_cast<float>(factor);
      values_ = scaled_;
    }
    for (std::size_t row = 0; row * size_ < values_.size(); ++row) rows_.try_emplace(key(&values_[row * size_]), row);
  }
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  /// -1 when it is none of the table's.
  std::int64_t find(const float* row) const {
    const auto found = rows_.find(key(row));
    return found == rows_.end() ? -1 : static_cast<std::int64_t>(found->second);
  }
  bool is(std::int64_t index, const float* row) const {
    return key(row) == key(&values_[static_cast<std::size_t>(index) * size_]);
  }

 private:
  std::string_view key(const float* row) const { return {reinterpret_cast<const char*>(row), size_ * sizeof(float)}; }

  std::span<const float> values_;
  std::size_t size_;
  std::vector<float> scaled_;
  std::unordered_map<std::string_view, std::size_t> rows_;
};

std::string offset_text(std::int64_t offset, const Suspect& suspect) {
  const std::string many = std::to_string(std::abs(offset)) + (offset < 0 ? " less" : " more");
  const auto pad = suspect.numbers.find("pad_token_id");
  if (holds(suspect.path, "position")) {
    // One more or less is what any off-by-one looks like.
    if (pad != suspect.numbers.end() && pad->second >= 1 &&
        static_cast<std::int64_t>(pad->second) + 1 == std::abs(offset)) {
      return many + " everywhere: the positions' offset, pad_token_id + 1";
    }
    return many + " everywhere: the positions' offset";
  }
  return many + " everywhere";
}

std::string rows_fault(const OffTensor& off, const std::vector<std::int64_t>& tf, const std::vector<std::int64_t>& pt) {
  Shape places = off.pt.shape;
  places.pop_back();
  std::set<std::int64_t> offsets;
  std::set<std::int64_t> taken;
  std::set<std::int64_t> wrong;  // rows of the table that TensorFlow has otherwise
  std::size_t first = tf.size();
  std::size_t differing = 0;
  for (std::size_t i = 0; i < tf.size(); ++i) {
    taken.insert(tf[i]);
    offsets.insert(tf[i] - pt[i]);
    if (tf[i] == pt[i]) continue;
    first = std::min(first, i);
    ++differing;
    if (tf[i] < 0) wrong.insert(pt[i]);
  }
  if (first == tf.size()) return "";
  if (!wrong.empty()) {
    // Right everywhere but for these rows, which are wrong wherever they are taken.
    for (std::size_t i = 0; i < tf.size(); ++i) {
      if ((tf[i] != pt[i]) != wrong.contains(pt[i])) return "";
    }
    if (wrong.size() > 3 || (wrong.size() == std::set(pt.begin(), pt.end()).size())) return "";
    std::string list;
    for (const std::int64_t row : wrong) list += (list.empty() ? "" : ", ") + std::to_string(row);
    return "row " + list + " of TensorFlow's table is not the checkpoint's, the others that are taken are";
  }
  if (tf.size() > 1 && taken.size() == 1) {
    return "TensorFlow takes row " + std::to_string(tf.front()) + " everywhere, PyTorch takes " +
           std::to_string(pt[first]) + " at " + index_of(first, places);
  }
  std::string text = "TensorFlow takes row " + std::to_string(tf[first]) + " at " + index_of(first, places) +
                     " where PyTorch takes " + std::to_string(pt[first]);
  if (offsets.size() == 1) return text + ", " + offset_text(*offsets.begin(), off.suspect);
  return text + "; other ids at " + std::to_string(differing) + " of " + std::to_string(tf.size()) + " places";
}

}  // namespace

std::string hint_position(const OffTensor& off) {
  if (off.pt.shape.size() != 2) return "";
  const auto batch = static_cast<std::size_t>(off.pt.shape[0]);
  const std::size_t size = last_size(off.pt);
  for (const NamedNumbers& read : off.suspect.reads) {
    const Numbers& x = read.numbers;
    if (x.shape.size() != 3 || x.shape[0] != off.pt.shape[0] || last_size(x) != size || size < 2) continue;
    const auto length = static_cast<std::size_t>(x.shape[1]);
    const auto position_of = [&](const Numbers& rows, std::size_t item) {
      for (std::size_t at = 0; at < length; ++at) {
        const float* row = &x.values[(item * length + at) * size];
        if (std::equal(row, row + size, &rows.values[item * size], [](float a, float b) { return same(a, b); })) {
          return "position " + std::to_string(at);
        }
      }
      for (std::size_t i = 0; i < size; ++i) {
        double mean = 0;
        for (std::size_t at = 0; at < length; ++at) mean += x.values[(item * length + at) * size + i];
        if (!same(rows.values[item * size + i], mean / static_cast<double>(length))) return std::string();
      }
      return std::string("the mean");
    };
    std::string text;
    bool all = true;
    for (std::size_t item = 0; item < batch && all; ++item) {
      const std::string tf = position_of(off.tf, item);
      const std::string pt = position_of(off.pt, item);
      all = !tf.empty() && !pt.empty();
      if (text.empty() && tf != pt) {
        text = "of item " + std::to_string(item) + " of " + read.name + " TensorFlow takes " + tf + ", PyTorch takes " +
               pt;
      }
    }
    if (all && !text.empty()) return text;
  }
  return "";
}

std::string hint_activation(const OffTensor& off) {
  for (const NamedNumbers& read : off.suspect.reads) {
    if (read.numbers.shape != off.pt.shape) continue;
    for (const ActivationFunction& right : kFunctions) {
      if (!reproduces_pytorch(applied(right, read.numbers), off.tf, off.pt)) continue;
      for (const ActivationFunction& wrong : kFunctions) {
        if (!explains(applied(wrong, read.numbers), off.tf, off.pt)) continue;
        return std::string("TensorFlow applies ") + wrong.name + " to " + read.name + ", PyTorch " + right.name;
      }
    }
  }
  return "";
}

std::string hint_linear(const OffTensor& off) {
  const Suspect& suspect = off.suspect;
  const std::size_t out = last_size(off.pt);
  if (suspect.own.weight.shape.size() != 2 || last_size(suspect.own.weight) != out || off.pt.shape.size() < 2)
    return "";
  const auto in = static_cast<std::size_t>(suspect.own.weight.shape[0]);
  if (in == 0 || (!suspect.own.bias.values.empty() && suspect.own.bias.values.size() != out)) return "";
  const LinearCase linear(off);
  const Product right(suspect.own.weight, suspect.own.bias, /*transposed=*/false);
  const std::vector<Rows> reads = rows_of_reads(off, linear, in);
  for (const Rows& x : reads) {
    if (!linear.gives_pt(x, right)) continue;
    if (std::string text = kernel_fault(linear, suspect, x); !text.empty()) return text;
    for (const Rows& other : reads) {
      if (linear.gives_tf(other, right)) return "TensorFlow takes " + other.name + " where PyTorch takes " + x.name;
    }
    return "";
  }
  const Rows x = solved_rows(linear, suspect.own);
  return x.rows.empty() || !linear.gives_pt(x, right) ? "" : kernel_fault(linear, suspect, x);
}

std::string hint_embedding(const OffTensor& off) {
  const Suspect& suspect = off.suspect;
  const std::size_t size = last_size(off.pt);
  if (!holds(suspect.class_name, "Embedding") || suspect.own.weight.shape.size() != 2 ||
      last_size(suspect.own.weight) != size || off.pt.values.empty() || size == 0) {
    return "";
  }
  for (const double factor : {1.0, std::sqrt(static_cast<double>(size))}) {
    const Table table(suspect.own.weight, factor);
    std::vector<std::int64_t> tf;
    std::vector<std::int64_t> pt;
    for (std::size_t at = 0; at < off.pt.values.size(); at += size) {
      pt.push_back(table.find(&off.pt.values[at]));
      if (pt.back() < 0) break;
      tf.push_back(table.is(pt.back(), &off.tf.values[at]) ? pt.back() : table.find(&off.tf.values[at]));
    }
    if (pt.back() >= 0) return rows_fault(off, tf, pt);
  }
  return "";
}

}  // namespace crossload::verify

// What a layer's own input and parameters say.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <set>
#include <unordered_map>

#include "verify/hint_patterns.h"

namespace crossload::verify {
namespace {

using Column = std::vector<double>;

bool holds(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

std::size_t last_size(const Numbers& numbers) {
  return numbers.shape.empty() ? 1 : static_cast<std::size_t>(numbers.shape.back());
}

/// A sum of some of the stages that the module reads, and how to call it.
struct Input {
  std::string name;
  std::set<std::size_t> parts;
  std::vector<double> values;
};

/// Sums of the stages read that have the given shape, all of them first.
std::vector<Input> inputs_of_shape(const Suspect& suspect, const Shape& shape) {
  std::vector<std::size_t> fitting;
  for (std::size_t i = 0; i < suspect.reads.size() && fitting.size() < 5; ++i) {
    const Shape& read = suspect.reads[i].numbers.shape;
    // Rows that every item of the batch shares are [1, ...], or lack that axis.
    if (read == shape ||
        (read.size() == shape.size() && read[0] == 1 && std::equal(read.begin() + 1, read.end(), shape.begin() + 1))) {
      fitting.push_back(i);
    }
  }
  std::vector<Input> inputs;
  for (unsigned subset = (1U << fitting.size()) - 1; subset > 0; --subset) {
    Input input;
    input.values.assign(static_cast<std::size_t>(element_count(shape)), 0);
    for (std::size_t i = 0; i < fitting.size(); ++i) {
      if ((subset >> i & 1U) == 0) continue;
      const NamedNumbers& read = suspect.reads[fitting[i]];
      input.parts.insert(fitting[i]);
      input.name += (input.name.empty() ? "" : " + ") + read.name;
      const std::size_t size = read.numbers.values.size();
      for (std::size_t k = 0; k < input.values.size(); ++k) input.values[k] += read.numbers.values[k % size];
    }
    inputs.push_back(std::move(input));
  }
  return inputs;
}

// ---- Norms ----

struct Norm {
  double epsilon = 0;
  bool subtracts_mean = true;
  bool unbiased = false;
  bool gamma = true;
  bool one_plus_gamma = false;
  bool beta = true;
};

std::vector<double> norm_of(const std::vector<double>& x, const Parameters& own, const Norm& norm) {
  const std::size_t size = own.weight.values.size();
  std::vector<double> result(x.size());
  for (std::size_t row = 0; row + size <= x.size(); row += size) {
    double mean = 0;
    for (std::size_t i = 0; norm.subtracts_mean && i < size; ++i) mean += x[row + i] / static_cast<double>(size);
    double variance = 0;
    for (std::size_t i = 0; i < size; ++i) variance += (x[row + i] - mean) * (x[row + i] - mean);
    variance /= static_cast<double>(norm.unbiased ? size - 1 : size);
    const double factor = 1 / std::sqrt(variance + norm.epsilon);
    for (std::size_t i = 0; i < size; ++i) {
      double value = (x[row + i] - mean) * factor;
      if (norm.gamma) value *= own.weight.values[i] + (norm.one_plus_gamma ? 1.0 : 0.0);
      if (norm.beta && !own.bias.values.empty()) value += own.bias.values[i];
      result[row + i] = value;
    }
  }
  return result;
}

std::vector<double> epsilons(const Suspect& suspect) {
  std::vector<double> list;
  for (const auto& [name, value] : suspect.numbers) {
    if (holds(name, "eps")) list.push_back(value);
  }
  for (const double value : {1e-12, 1e-5, 1e-6, 1e-3, 1e-7, 1e-8, 1e-4, 1e-2, 0.0}) list.push_back(value);
  return list;
}

/// The input is known: which formula gives TensorFlow's values?
std::string norm_fault(const OffTensor& off, const std::vector<Input>& inputs, const Input& input, const Norm& right) {
  const auto is_tensorflow = [&](const std::vector<double>& x, const Norm& norm) {
    return explains(norm_of(x, off.suspect.own, norm), off.tf, off.pt);
  };
  for (const double epsilon : epsilons(off.suspect)) {
    Norm norm = right;
    norm.epsilon = epsilon;
    if (is_tensorflow(input.values, norm)) {
      return "TensorFlow computes with epsilon " + spelled(epsilon) + " where PyTorch has " + spelled(right.epsilon);
    }
  }
  Norm norm = right;
  norm.subtracts_mean = !right.subtracts_mean;
  if (is_tensorflow(input.values, norm)) {
    return right.subtracts_mean ? "TensorFlow does not subtract the mean" : "TensorFlow subtracts the mean";
  }
  norm = right;
  norm.unbiased = true;
  if (is_tensorflow(input.values, norm)) return "TensorFlow divides the variance by n - 1 where PyTorch divides by n";
  norm = right;
  norm.one_plus_gamma = true;
  if (is_tensorflow(input.values, norm)) return "TensorFlow multiplies by 1 + weight where PyTorch does by weight";
  for (const Input& other : inputs) {
    if (!is_tensorflow(other.values, right)) continue;
    std::string missing;
    for (const std::size_t part : input.parts) {
      if (!other.parts.contains(part)) missing += (missing.empty() ? "" : ", ") + off.suspect.reads[part].name;
    }
    return "TensorFlow normalizes " + other.name + (missing.empty() ? "" : ", without " + missing);
  }
  return "";
}

/// The input is not known, but PyTorch's result is the normalized input but for weight and bias.
std::string norm_fault_of_result(const OffTensor& off) {
  const std::span<const float> gamma = off.suspect.own.weight.values;
  const std::span<const float> beta = off.suspect.own.bias.values;
  const std::size_t size = gamma.size();
  const auto bias = [&](std::size_t i) { return beta.empty() ? 0.0 : static_cast<double>(beta[i % size]); };
  std::vector<double> without_gamma = doubles(off.pt);
  std::vector<double> rescaled = doubles(off.pt);
  std::vector<double> factors;
  for (std::size_t row = 0; row < off.pt.values.size(); row += size) {
    double both = 0;
    double one = 0;
    for (std::size_t i = row; i < row + size; ++i) {
      const double pt = off.pt.values[i] - bias(i);
      both += (off.tf.values[i] - bias(i)) * pt;
      one += pt * pt;
      without_gamma[i] = gamma[i % size] == 0 ? bias(i) : pt / gamma[i % size] + bias(i);
    }
    factors.push_back(one > 0 ? both / one : 1);
    for (std::size_t i = row; i < row + size; ++i) {
      rescaled[i] = (off.pt.values[i] - bias(i)) * factors.back() + bias(i);
    }
  }
  if (explains(without_gamma, off.tf, off.pt)) return "TensorFlow does not multiply by the weight";
  if (factors.size() < 2 || size < 8 || !explains(rescaled, off.tf, off.pt)) return "";
  const auto [low, high] = std::minmax_element(factors.begin(), factors.end());
  const double unbiased = std::sqrt(static_cast<double>(size - 1) / static_cast<double>(size));
  if (std::abs(*low - unbiased) < 0.02 * (1 - unbiased) && std::abs(*high - unbiased) < 0.02 * (1 - unbiased)) {
    return "TensorFlow divides the variance by n - 1 where PyTorch divides by n";
  }
  return "before the bias, each row is a factor of its own times PyTorch's (" + spelled(*low) + " to " +
         spelled(*high) + "): another epsilon or variance, likely";
}

// ---- Activations ----

struct Function {
  const char* name;
  double (*value)(double);
};

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

constexpr Function kFunctions[] = {
    {"gelu", [](double x) { return 0.5 * x * (1 + std::erf(x / std::numbers::sqrt2)); }},
    {"gelu_new (the approximation by tanh)",
     [](double x) {
       return 0.5 * x * (1 + std::tanh(std::numbers::sqrt2 * std::numbers::inv_sqrtpi * (x + 0.044715 * x * x * x)));
     }},
    {"quick_gelu", [](double x) { return x * sigmoid(1.702 * x); }},
    {"relu", [](double x) { return std::max(x, 0.0); }},
    {"silu", [](double x) { return x * sigmoid(x); }},
    {"tanh", [](double x) { return std::tanh(x); }},
    {"sigmoid", [](double x) { return sigmoid(x); }},
    {"relu2", [](double x) { return x > 0 ? x * x : 0; }},
    {"leaky_relu", [](double x) { return x > 0 ? x : 0.01 * x; }},
    {"elu", [](double x) { return x > 0 ? x : std::expm1(x); }},
    {"softplus", [](double x) { return x > 20 ? x : std::log1p(std::exp(x)); }},
    {"mish", [](double x) { return x * std::tanh(x > 20 ? x : std::log1p(std::exp(x))); }},
    {"no function", [](double x) { return x; }},
};

std::vector<double> applied(const Function& function, const Numbers& x) {
  std::vector<double> result = doubles(x);
  for (double& value : result) value = function.value(value);
  return result;
}

// ---- Linear ----

/// Rows of a matrix product: [rows, in].
struct Rows {
  std::string name;
  std::vector<Column> rows;
};

/// y = x W + b for some rows, with a kernel of [in, out] or, transposed, [out, in].
class Product {
 public:
  Product(const Numbers& weight, const Numbers& bias, bool transposed, float (*round)(float))
      : weight_(weight), bias_(bias), transposed_(transposed), round_(round) {}

  double at(const Column& x, std::size_t column) const {
    const std::size_t in = x.size();
    const std::size_t out = weight_.values.size() / in;
    double sum = bias_.values.empty() ? 0 : rounded(bias_.values[column]);
    for (std::size_t i = 0; i < in; ++i) {
      sum += x[i] * rounded(weight_.values[transposed_ ? column * in + i : i * out + column]);
    }
    return sum;
  }

 private:
  double rounded(float value) const { return round_ == nullptr ? value : round_(value); }

  const Numbers& weight_;
  const Numbers& bias_;
  const bool transposed_;
  float (*const round_)(float);
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
  if (in == linear.out() && linear.gives_tf(x, Product(own.weight, own.bias, /*transposed=*/true, nullptr))) {
    return "TensorFlow multiplies by the transposed kernel";
  }
  for (const Parameters& other : suspect.alike) {
    if (linear.gives_tf(x, Product(other.weight, other.bias, /*transposed=*/false, nullptr))) {
      return "TensorFlow computes with the weights of " + other.module;
    }
    if (linear.gives_tf(x, Product(other.weight, own.bias, /*transposed=*/false, nullptr))) {
      return "TensorFlow multiplies by the kernel of " + other.module;
    }
  }
  if (linear.gives_tf(x, Product(own.weight, own.bias, /*transposed=*/false, rounded_to_float16))) {
    return "TensorFlow computes with weights rounded to float16";
  }
  if (linear.gives_tf(x, Product(own.weight, own.bias, /*transposed=*/false, rounded_to_bfloat16))) {
    return "TensorFlow computes with weights rounded to bfloat16";
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
    if (pad != suspect.numbers.end() && static_cast<std::int64_t>(pad->second) + 1 == std::abs(offset)) {
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

std::string hint_norm(const OffTensor& off) {
  const Suspect& suspect = off.suspect;
  if (!holds(suspect.class_name, "LayerNorm") && !holds(suspect.class_name, "RMSNorm")) return "";
  if (suspect.own.weight.values.empty() || suspect.own.weight.values.size() != last_size(off.pt)) return "";
  const std::vector<Input> inputs = inputs_of_shape(suspect, off.pt.shape);
  for (const Input& input : inputs) {
    for (const bool subtracts_mean : {true, false}) {
      for (const double epsilon : epsilons(suspect)) {
        Norm norm;
        norm.epsilon = epsilon;
        norm.subtracts_mean = subtracts_mean;
        if (!reproduces_pytorch(norm_of(input.values, suspect.own, norm), off.tf, off.pt)) continue;
        if (std::string text = norm_fault(off, inputs, input, norm); !text.empty()) return text;
      }
    }
  }
  return norm_fault_of_result(off);
}

std::string hint_batch_norm(const OffTensor& off) {
  const Suspect& suspect = off.suspect;
  if (!holds(suspect.class_name, "BatchNorm") || off.pt.shape.size() < 2) return "";
  const auto channels = static_cast<std::size_t>(off.pt.shape[1]);
  std::size_t inner = 1;
  for (std::size_t i = 2; i < off.pt.shape.size(); ++i) inner *= static_cast<std::size_t>(off.pt.shape[i]);
  const std::size_t count = off.pt.values.size() / channels;
  if (suspect.own.weight.values.size() != channels || suspect.own.bias.values.size() != channels || count < 2)
    return "";
  for (const Input& input : inputs_of_shape(suspect, off.pt.shape)) {
    for (const double epsilon : epsilons(suspect)) {
      std::vector<double> mean(channels, 0);
      std::vector<double> variance(channels, 0);
      const auto channel = [&](std::size_t i) { return i / inner % channels; };
      for (std::size_t i = 0; i < input.values.size(); ++i) {
        mean[channel(i)] += input.values[i] / static_cast<double>(count);
      }
      for (std::size_t i = 0; i < input.values.size(); ++i) {
        const double centered = input.values[i] - mean[channel(i)];
        variance[channel(i)] += centered * centered / static_cast<double>(count);
      }
      std::vector<double> candidate = input.values;
      for (std::size_t i = 0; i < candidate.size(); ++i) {
        const std::size_t c = channel(i);
        candidate[i] = (candidate[i] - mean[c]) / std::sqrt(variance[c] + epsilon) * suspect.own.weight.values[c] +
                       suspect.own.bias.values[c];
      }
      if (explains(candidate, off.tf, off.pt)) {
        return "TensorFlow normalizes by the statistics of this batch where PyTorch takes those of training";
      }
    }
  }
  return "";
}

std::string hint_activation(const OffTensor& off) {
  for (const NamedNumbers& read : off.suspect.reads) {
    if (read.numbers.shape != off.pt.shape) continue;
    for (const Function& right : kFunctions) {
      if (!reproduces_pytorch(applied(right, read.numbers), off.tf, off.pt)) continue;
      for (const Function& wrong : kFunctions) {
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
  const Product right(suspect.own.weight, suspect.own.bias, /*transposed=*/false, nullptr);
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

// What a norm's input and parameters say.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <vector>

#include "verify/activation_functions.h"
#include "verify/hint_patterns.h"

namespace crossload::verify {
namespace {

/// A sum of some stages, and how to call it.
struct Input {
  std::string name;
  std::vector<std::size_t> parts;
  std::vector<double> values;
};

bool is_input(const Shape& read, const Shape& shape) {
  // Rows that every item of the batch shares are [1, ...].
  return read == shape || (!shape.empty() && read.size() == shape.size() && read[0] == 1 &&
                           std::equal(read.begin() + 1, read.end(), shape.begin() + 1));
}

/// The stages that a sum may be of: those read, then those nearby that TensorFlow may have forgotten.
std::vector<const NamedNumbers*> parts_of_inputs(const Suspect& suspect, const Shape& shape) {
  std::vector<const NamedNumbers*> parts;
  for (const auto* stages : {&suspect.reads, &suspect.others}) {
    const std::size_t most = parts.size() + (stages == &suspect.reads ? 4 : 12);
    for (const NamedNumbers& stage : *stages) {
      const auto is_it = [&](const NamedNumbers* part) { return part->name == stage.name; };
      if (parts.size() >= most || !is_input(stage.numbers.shape, shape)) continue;
      if (std::none_of(parts.begin(), parts.end(), is_it)) parts.push_back(&stage);
    }
  }
  return parts;
}

Input sum_of_parts(const std::vector<const NamedNumbers*>& parts, const std::vector<std::size_t>& chosen,
                   const Shape& shape) {
  Input input{"", chosen, std::vector<double>(static_cast<std::size_t>(element_count(shape)), 0)};
  for (const std::size_t index : chosen) {
    const NamedNumbers& part = *parts[index];
    input.name += (input.name.empty() ? "" : " + ") + part.name;
    const std::size_t size = part.numbers.values.size();
    for (std::size_t k = 0; k < input.values.size(); ++k) input.values[k] += part.numbers.values[k % size];
  }
  return input;
}

/// Calls `visit` with sums of at most three parts until it returns true.
template <class Visit>
bool any_input(const std::vector<const NamedNumbers*>& parts, const Shape& shape, const Visit& visit) {
  const std::size_t count = parts.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (visit(sum_of_parts(parts, {i}, shape))) return true;
  }
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = i + 1; j < count; ++j) {
      if (visit(sum_of_parts(parts, {i, j}, shape))) return true;
      for (std::size_t k = j + 1; k < count; ++k) {
        if (visit(sum_of_parts(parts, {i, j, k}, shape))) return true;
      }
    }
  }
  return false;
}

bool is_among(const std::vector<NamedNumbers>& list, const NamedNumbers* one) {
  return !list.empty() && one >= list.data() && one < list.data() + list.size();
}

// ---- Norms ----

struct Norm {
  double epsilon = 0;
  bool subtracts_mean = true;
  bool unbiased = false;
  bool gamma = true;
  bool one_plus_gamma = false;
  bool mean_of_squares = false;  // in place of the variance
  bool beta = true;
};

std::vector<double> norm_of(const std::vector<double>& x, const Parameters& own, const Norm& norm) {
  const std::size_t size = own.weight.values.size();
  std::vector<double> result(x.size());
  for (std::size_t row = 0; row + size <= x.size(); row += size) {
    double mean = 0;
    for (std::size_t i = 0; norm.subtracts_mean && i < size; ++i) mean += x[row + i] / static_cast<double>(size);
    double variance = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const double value = x[row + i] - (norm.mean_of_squares ? 0 : mean);
      variance += value * value;
    }
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
std::string norm_fault(const OffTensor& off, const std::vector<const NamedNumbers*>& parts, const Input& input,
                       const Norm& right) {
  const Shape& shape = off.pt.shape;
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
  for (const bool mean_of_squares : {false, true}) {
    Norm norm = right;
    norm.subtracts_mean = !right.subtracts_mean;
    norm.mean_of_squares = mean_of_squares;
    if (is_tensorflow(input.values, norm)) {
      return right.subtracts_mean ? "TensorFlow does not subtract the mean" : "TensorFlow subtracts the mean";
    }
  }
  Norm norm = right;
  norm.unbiased = true;
  if (is_tensorflow(input.values, norm)) return "TensorFlow divides the variance by n - 1 where PyTorch divides by n";
  norm = right;
  norm.one_plus_gamma = true;
  if (is_tensorflow(input.values, norm)) return "TensorFlow multiplies by 1 + weight where PyTorch does by weight";
  if (explains(input.values, off.tf, off.pt)) return "TensorFlow returns " + input.name + ", not normalized";
  std::string text;
  any_input(parts, shape, [&](const Input& other) {
    if (!is_tensorflow(other.values, right)) return false;
    std::string missing;
    for (const std::size_t part : input.parts) {
      if (std::find(other.parts.begin(), other.parts.end(), part) != other.parts.end()) continue;
      missing += (missing.empty() ? "" : ", ") + parts[part]->name;
    }
    text = "TensorFlow normalizes " + other.name + (missing.empty() ? "" : ", without " + missing);
    return true;
  });
  if (!text.empty()) return text;
  for (const std::size_t part : input.parts) {
    std::vector<std::size_t> rest;
    std::copy_if(input.parts.begin(), input.parts.end(), std::back_inserter(rest),
                 [&](std::size_t other) { return other != part; });
    if (rest.empty()) break;
    std::vector<double> candidate = norm_of(sum_of_parts(parts, rest, shape).values, off.suspect.own, right);
    const std::span<const float> added = parts[part]->numbers.values;
    for (std::size_t i = 0; i < candidate.size(); ++i) candidate[i] += added[i % added.size()];
    if (explains(candidate, off.tf, off.pt)) {
      return "TensorFlow adds " + parts[part]->name + " after the norm, PyTorch before it";
    }
  }
  return "";
}

/// All of the difference in one column, and in proportion to the normalized input there.
std::string weight_element(const OffTensor& off, const std::vector<double>& without_gamma) {
  const std::size_t size = off.suspect.own.weight.values.size();
  const std::span<const float> beta = off.suspect.own.bias.values;
  std::size_t worst = 0;
  const auto difference = [&](std::size_t i) { return static_cast<double>(off.tf.values[i]) - off.pt.values[i]; };
  for (std::size_t i = 0; i < off.tf.values.size(); ++i) {
    if (std::abs(difference(i)) > std::abs(difference(worst))) worst = i;
  }
  const std::size_t column = worst % size;
  if (off.tf.values.size() / size < 6) return "";  // fewer rows are in proportion by chance
  double both = 0;
  double one = 0;
  const auto normalized = [&](std::size_t i) { return without_gamma[i] - (beta.empty() ? 0.0 : beta[column]); };
  for (std::size_t i = column; i < off.tf.values.size(); i += size) {
    both += difference(i) * normalized(i);
    one += normalized(i) * normalized(i);
  }
  std::vector<double> candidate = doubles(off.pt);
  for (std::size_t i = column; i < candidate.size() && one > 0; i += size) candidate[i] += both / one * normalized(i);
  if (!explains(candidate, off.tf, off.pt)) return "";
  return "element " + std::to_string(column) + " of TensorFlow's weight is off by " + spelled(both / one);
}

/// The input is not known, but PyTorch's result is the normalized input but for weight and bias.
std::string norm_fault_of_result(const OffTensor& off) {
  const std::span<const float> gamma = off.suspect.own.weight.values;
  const std::span<const float> beta = off.suspect.own.bias.values;
  const std::size_t size = gamma.size();
  if (size == 0) return "";
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
  const auto with = [&](std::span<const float> weight, std::span<const float> other_bias) {
    std::vector<double> candidate = without_gamma;
    for (std::size_t i = 0; i < candidate.size(); ++i) {
      candidate[i] = (candidate[i] - bias(i)) * weight[i % size] +
                     (other_bias.size() == size ? static_cast<double>(other_bias[i % size]) : 0.0);
    }
    return explains(candidate, off.tf, off.pt);
  };
  if (beta.size() == size && with(beta, gamma)) return "TensorFlow has weight and bias exchanged";
  for (const Parameters& other : off.suspect.alike) {
    if (other.weight.values.size() == size && with(other.weight.values, other.bias.values)) {
      return "TensorFlow computes with the weights of " + other.module;
    }
  }
  if (std::string text = weight_element(off, without_gamma); !text.empty()) return text;
  if (factors.size() < 2 || size < 8 || !explains(rescaled, off.tf, off.pt)) return "";
  const auto [low, high] = std::minmax_element(factors.begin(), factors.end());
  const double unbiased = std::sqrt(static_cast<double>(size - 1) / static_cast<double>(size));
  if (std::abs(*low - unbiased) < 0.02 * (1 - unbiased) && std::abs(*high - unbiased) < 0.02 * (1 - unbiased)) {
    return "TensorFlow divides the variance by n - 1 where PyTorch divides by n";
  }
  return "before the bias, each row is a factor of its own times PyTorch's (" + spelled(*low) + " to " +
         spelled(*high) + "): another epsilon or variance, likely";
}

/// LayerNorm(f(x)), f being what PyTorch's value says; which f says TensorFlow's?
std::string function_before_norm(const OffTensor& off, const NamedNumbers& read) {
  for (const double epsilon : epsilons(off.suspect)) {
    Norm norm;
    norm.epsilon = epsilon;
    const auto of = [&](const ActivationFunction& function) {
      return norm_of(applied(function, read.numbers), off.suspect.own, norm);
    };
    for (const ActivationFunction& right : kFunctions) {
      if (!reproduces_pytorch(of(right), off.tf, off.pt)) continue;
      for (const ActivationFunction& wrong : kFunctions) {
        if (!explains(of(wrong), off.tf, off.pt)) continue;
        return std::string("TensorFlow applies ") + wrong.name + " to " + read.name + " before the norm, PyTorch " +
               right.name;
      }
    }
  }
  return "";
}

}  // namespace

std::string hint_norm(const OffTensor& off) {
  const Suspect& suspect = off.suspect;
  if (!holds(suspect.class_name, "LayerNorm") && !holds(suspect.class_name, "RMSNorm")) return "";
  if (suspect.own.weight.values.empty() || suspect.own.weight.values.size() != last_size(off.pt)) return "";
  const std::vector<const NamedNumbers*> parts = parts_of_inputs(suspect, off.pt.shape);
  const std::vector<double> list = epsilons(suspect);
  std::string text;
  const auto is_not_read = [&](std::size_t part) { return !is_among(suspect.reads, parts[part]); };
  const auto is_input_of_pytorch = [&](const Input& input) {
    for (const bool subtracts_mean : {true, false}) {
      for (const double epsilon : list) {
        Norm norm;
        norm.epsilon = epsilon;
        norm.subtracts_mean = subtracts_mean;
        if (!reproduces_pytorch(norm_of(input.values, suspect.own, norm), off.tf, off.pt)) {
          // Of what is not even read there are many sums, and their variances are not so small.
          if (std::any_of(input.parts.begin(), input.parts.end(), is_not_read)) break;
          continue;
        }
        text = norm_fault(off, parts, input, norm);
        return true;
      }
    }
    return false;
  };
  if (!any_input(parts, off.pt.shape, is_input_of_pytorch)) {
    // A function that the module around applies itself.
    for (const NamedNumbers& read : suspect.reads) {
      if (read.numbers.shape != off.pt.shape || !text.empty()) continue;
      text = function_before_norm(off, read);
    }
  }
  return text.empty() ? norm_fault_of_result(off) : text;
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
  const std::vector<const NamedNumbers*> parts = parts_of_inputs(suspect, off.pt.shape);
  for (std::size_t part = 0; part < std::min(parts.size(), suspect.reads.size()); ++part) {
    const Input input = sum_of_parts(parts, {part}, off.pt.shape);
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

}  // namespace crossload::verify

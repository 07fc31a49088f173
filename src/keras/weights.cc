#include "keras/weights.h"

#include <algorithm>
#include <memory>
#include <span>

#include "bytes/some_of.h"
#include "crossload/error.h"

namespace crossload::keras {
namespace {

bool matches(const std::string& key, const std::string& pattern) {
  if (pattern.ends_with('.')) return key.starts_with(pattern);
  return key == pattern || key.ends_with("." + pattern);
}

/// The direct layer of the model that a variable belongs to. A name outside the class's scope begins with "/".
std::string first_level(const std::string& name) {
  const std::size_t begin = name.starts_with('/') ? 1 : 0;
  return name.substr(begin, name.find('/', begin) - begin);
}

/// A tensor of its own. Only with Layout::kSame.
TensorView zeros(const Shape& shape) {
  const auto values = std::make_shared<std::vector<float>>(static_cast<std::size_t>(element_count(shape)));
  return {DType::kF32, shape, std::as_bytes(std::span<const float>(*values)), values};
}

/// fnmatch without brackets: * is any text, ? any character.
bool matches_wildcards(std::string_view name, std::string_view pattern) {
  std::size_t at = 0, in = 0, star = std::string_view::npos, resume = 0;
  while (at < name.size()) {
    if (in < pattern.size() && (pattern[in] == '?' || (pattern[in] == name[at] && pattern[in] != '*'))) {
      ++at;
      ++in;
    } else if (in < pattern.size() && pattern[in] == '*') {
      star = in++;
      resume = at;
    } else if (star != std::string_view::npos) {
      in = star + 1;
      at = ++resume;
    } else {
      return false;
    }
  }
  while (in < pattern.size() && pattern[in] == '*') ++in;
  return in == pattern.size();
}

/// Of equal types; others are not worth a conversion.
bool same_numbers(const TensorView& one, const TensorView& other) {
  if (one.shape != other.shape || one.dtype != other.dtype) return false;
  return one.bytes.data() == other.bytes.data() || std::ranges::equal(one.bytes, other.bytes);
}

void append_list(std::string* message, const char* title, const std::vector<std::string>& names) {
  if (!names.empty()) *message += "; " + std::to_string(names.size()) + " " + title + ": " + bytes::some_of(names);
}

}  // namespace

void Weights::ignore(const std::string& pattern, const std::string& reason) { ignored_.emplace_back(pattern, reason); }

void Weights::ignore_wanted(const std::string& pattern, const std::string& reason) {
  std::vector<std::string> used;
  bool found = false;
  for (const auto& [key, view] : tensors_) {
    if (!matches_wildcards(in_file(key), pattern) && !matches_wildcards(key, pattern)) continue;
    if (fates_.contains(key)) {
      used.push_back(in_file(key));
    } else {
      found = true;
      wanted_.emplace(key, reason);
    }
  }
  if (found) return;
  throw Error(ErrorKind::kUsage,
              "--ignore-tensors " + pattern + ": " +
                  (used.empty() ? "no tensor of the checkpoint is called so; `crossload inspect` lists their names"
                                : "the model needs " + bytes::some_of(used) +
                                      "; only tensors that it has no place for can be ignored"));
}

const std::string& Weights::in_file(const std::string& key) const {
  const auto found = names_in_file_.find(key);
  return found == names_in_file_.end() ? key : found->second;
}

const Variable& Weights::bind(Variable variable, const std::vector<std::string>& keys, const Shape& pytorch_shape,
                              const VariableOptions& options) {
  if (variable.shape.empty()) variable.shape = apply_layout(variable.layout, pytorch_shape);
  variable.key = keys.front();
  const bool from_pytorch = source_ == Source::kPyTorch;
  asked_.insert(keys.begin(), keys.end());
  if (!from_pytorch) variable.layout = Layout::kSame;
  variable.dtype = options.dtype;
  if (!is_floating(options.dtype) || options.dtype == DType::kF64) {
    throw Error(ErrorKind::kUnsupported, variable.name + ": a variable of " + tf::name_of(dtype_of(variable)) +
                                             "; wanted float32, float16 or bfloat16");
  }
  const Shape& wanted = from_pytorch ? pytorch_shape : variable.shape;
  bool found = false;
  for (const std::string& key : from_pytorch ? keys : std::vector<std::string>{stored_name(variable)}) {
    const auto entry = tensors_.find(key);
    if (entry == tensors_.end()) continue;
    if (found) {
      if (options.one_for_all && !same_numbers(entry->second, variable.source)) {
        mismatched_.push_back(in_file(key) + " holds other numbers than " + in_file(variable.key) +
                              ", and TensorFlow's class has one variable for both");
      }
      fates_[key] = {key, LedgerEntry::Fate::kTied, variable.key};
      continue;
    }
    found = true;
    if (from_pytorch) variable.key = key;
    if (options.training_only && key != keys.front()) {
      notes_.push_back("the checkpoint has " + keys.front() + " by its old name, " + in_file(key));
    }
    if (entry->second.shape != wanted) {
      const bool transposed = Shape(wanted.rbegin(), wanted.rend()) == entry->second.shape;
      mismatched_.push_back(in_file(key) + " is " + to_string(entry->second.shape) + ", wanted " + to_string(wanted) +
                            (transposed ? " (it is transposed)" : ""));
    } else if (!is_floating(entry->second.dtype)) {
      mismatched_.push_back(in_file(key) + " is " + std::string(name_of(entry->second.dtype)) +
                            ", wanted a floating type");
    }
    variable.source = entry->second;
    if (variable.layout == Layout::kSame) variable.source.shape = variable.shape;  // the same elements
    fates_[key] = {key, LedgerEntry::Fate::kBound, variable.name};
  }
  const auto fallback = found || !from_pytorch ? fallbacks_.end() : fallbacks_.find(keys.front());
  if (fallback != fallbacks_.end() && tensors_.contains(fallback->second)) {
    variable.key = fallback->second;
    variable.source = tensors_.at(variable.key);
    found = true;
  }
  if (!found && from_pytorch && (options.zeros_when_missing || options.training_only)) {
    variable.source = zeros(variable.shape);
    if (options.training_only && !tensors_.empty()) {
      notes_.push_back("the checkpoint lacks " + keys.front() +
                       ", which is used in training alone; it is zeros in what was written, where PyTorch draws random "
                       "numbers");
    }
  } else if (!found) {
    missing_.push_back(from_pytorch ? keys.front() : stored_name(variable));
  }
  variables_.push_back(std::move(variable));
  return variables_.back();
}

std::vector<LedgerEntry> Weights::ledger() const {
  std::vector<LedgerEntry> entries;
  for (const auto& [key, view] : tensors_) {
    const auto fate = fates_.find(key);
    if (fate != fates_.end()) {
      entries.push_back(fate->second);
      continue;
    }
    if (const auto wanted = wanted_.find(key); wanted != wanted_.end()) {
      entries.push_back({key, LedgerEntry::Fate::kIgnored, wanted->second});
      continue;
    }
    if (const auto aside = aside_.find(key); aside != aside_.end()) {
      entries.push_back({key, LedgerEntry::Fate::kIgnored, aside->second});
      continue;
    }
    for (const auto& [pattern, reason] : ignored_) {
      if (matches(key, pattern)) {
        entries.push_back({key, LedgerEntry::Fate::kIgnored, reason});
        break;
      }
    }
  }
  return entries;
}

Misfit Weights::misfit() const {
  Misfit misfit{missing_, {}, mismatched_};
  const std::vector<LedgerEntry> entries = ledger();
  std::size_t at = 0;
  for (const auto& [key, view] : tensors_) {  // both are sorted by key
    if (at < entries.size() && entries[at].key == key) {
      ++at;
    } else {
      misfit.unexpected.push_back(in_file(key));
    }
  }
  return misfit;
}

void Weights::check_complete(const std::string& where, const std::string& advice) const {
  const Misfit found = misfit();
  if (found.empty()) return;
  std::string message = where + ": the checkpoint does not fit the model";
  append_list(&message, "missing", found.missing);
  append_list(&message, "unexpected", found.unexpected);
  append_list(&message, "of another shape or type", found.mismatched);
  const char* usual = "is config.json the one of these weights, and is it the right head?";
  throw Error(ErrorKind::kBadInput, message + "; " + (advice.empty() ? usual : advice));
}

std::vector<TopLayer> Weights::top_layers() const {
  std::vector<TopLayer> layers;
  const auto layer = [&](const std::string& name) -> TopLayer& {
    const auto found = std::find_if(layers.begin(), layers.end(), [&](const TopLayer& l) { return l.name == name; });
    if (found != layers.end()) return *found;
    return layers.emplace_back(TopLayer{name, {}});
  };
  for (const Variable& variable : variables_) {
    layer(variable.layer.empty() ? first_level(variable.name) : variable.layer).variables.push_back(&variable);
  }
  for (const auto& [name, prefix] : shared_) {
    for (const Variable& variable : variables_) {
      if (variable.name.starts_with(prefix + "/")) layer(name).variables.push_back(&variable);
    }
  }
  for (const std::string& name : bare_layers_) layer(name);
  return layers;
}

Scope Scope::child(std::string_view pytorch, std::string_view tensorflow) const {
  Scope child(*this);
  child.path_ += (path_.empty() ? "" : ".") + std::string(pytorch);
  child.tensorflow_path_ += (tensorflow_path_.empty() ? "" : "/") + std::string(tensorflow);
  return child;
}

Scope Scope::operator/(std::string_view name) const {
  const std::size_t separator = name.find("___");
  return child(separator == std::string_view::npos ? name : name.substr(separator + 3), name);
}

Scope Scope::operator/(std::int64_t index) const {
  Scope child(*this);
  child.path_ += "." + std::to_string(index);
  child.tensorflow_path_ += "_._" + std::to_string(index);
  return child;
}

Scope Scope::in_tensorflow(std::string_view name) const {
  Scope child(*this);
  child.tensorflow_path_ += (tensorflow_path_.empty() ? "" : "/") + std::string(name);
  return child;
}

Scope Scope::outside_class(std::string_view tensorflow, std::string_view layer) const {
  Scope outside(*this);
  outside.tensorflow_path_ = "/" + std::string(tensorflow);
  outside.layer_ = layer;
  return outside;
}

const Variable& Scope::variable(const std::string& leaf, const std::string& leaf_key, const Shape& pytorch_shape,
                                const VariableOptions& options) const {
  return variable(leaf, std::vector<std::string>{leaf_key}, pytorch_shape, options);
}

const Variable& Scope::variable(const std::string& leaf, const std::vector<std::string>& leaf_keys,
                                const Shape& pytorch_shape, const VariableOptions& options) const {
  Variable variable;
  const bool joined = tensorflow_path_.empty() || tensorflow_path_.ends_with('/');
  variable.name = tensorflow_path_ + (joined ? "" : "/") + leaf;
  variable.layer = layer_;
  variable.layout = variable.from_pytorch = options.layout;
  variable.trainable = options.trainable;
  variable.shape = options.reshaped;
  std::vector<std::string> keys;
  for (const std::string& leaf_key : leaf_keys) keys.push_back(key(leaf_key));
  return weights_->bind(std::move(variable), keys, pytorch_shape, options);
}

bool Scope::has_part(std::string_view name) const {
  const std::map<std::string, TensorView>& tensors = weights_->tensors_;
  if (tensors.empty()) return true;
  const Scope part = *this / name;
  const bool from_pytorch = weights_->source_ == Weights::Source::kPyTorch;
  const std::string below = from_pytorch ? part.path_ + "." : part.tensorflow_path_ + "/";
  const auto first = tensors.lower_bound(below);
  if (first != tensors.end() && first->first.starts_with(below)) return true;
  if (from_pytorch) {
    weights_->notes_.push_back("the checkpoint has no " + part.path_ +
                               ", so the model was made without it, as PyTorch's " +
                               "add_pooling_layer=False does; Transformers 4 has no such TensorFlow class, and fills " +
                               "the " + part.path_ + " of its own with random numbers");
  }
  return false;
}

void Scope::tie(const std::string& leaf_key, const Variable& variable) const {
  weights_->asked_.insert(key(leaf_key));
  if (weights_->tensors_.contains(key(leaf_key))) {
    weights_->fates_[key(leaf_key)] = {key(leaf_key), LedgerEntry::Fate::kTied, variable.key};
  }
}

void Scope::fall_back(const std::string& leaf_key, const Variable& variable) const {
  weights_->fallbacks_[key(leaf_key)] = variable.key;
}

void Scope::without_variables() const { weights_->bare_layers_.push_back(first_level(tensorflow_path_)); }

void Scope::holds(const Scope& other) const {
  weights_->shared_.emplace_back(first_level(tensorflow_path_), other.tensorflow_path_);
}

}  // namespace crossload::keras

// Binding: layers ask for their tensors by name, and every tensor of the checkpoint is accounted for.
//
//   Weights weights(checkpoint.tensors());
//   Scope scope(&weights);
//   const Variable& kernel = (scope / "bert" / "pooler" / "dense").variable("kernel", "weight", {4, 4},
//                                                                        {.layout = Layout::kTranspose});
//   weights.check_complete("my-bert");
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "keras/variable.h"
#include "keras/words.h"

namespace crossload::keras {

/// What a layer says of one of its variables besides its name and PyTorch shape.
struct VariableOptions {
  Layout layout = Layout::kSame;
  bool trainable = true;
  /// TensorFlow's shape when it is neither PyTorch's nor the layout's: the same elements in the same order, such as [1,
  /// n] for [n]. Only with Layout::kSame.
  Shape reshaped = {};
  /// PyTorch fills it with zeros when the checkpoint lacks it: a buffer that is younger than some checkpoints.
  bool zeros_when_missing = false;
  /// Nothing reads it outside training, so that a checkpoint may lack it. PyTorch then draws random numbers; here it is
  /// zeros, so that a conversion gives the same bytes each time, and notes() says so.
  bool training_only = false;
  /// Of several keys: PyTorch may hold a tensor of its own under each, so they must hold the same numbers.
  bool one_for_all = false;
  /// TensorFlow's type: float32, float16 or bfloat16.
  DType dtype = DType::kF32;
};

/// What became of one tensor of the checkpoint.
struct LedgerEntry {
  enum class Fate { kBound, kTied, kIgnored };
  std::string key;  // in the checkpoint
  Fate fate;
  std::string detail;  // the variable, the key it is tied to, or the reason
};

/// What keeps a checkpoint from filling a model.
struct Misfit {
  std::vector<std::string> missing;     // as the model calls them
  std::vector<std::string> unexpected;  // as the file calls them
  std::vector<std::string> mismatched;  // "a.weight is [1, 1], wanted [1]", as the file calls them
  bool empty() const { return missing.empty() && unexpected.empty() && mismatched.empty(); }
};

/// All variables of a model and the ledger of its checkpoint.
class Weights {
 public:
  /// How the tensors are named and laid out: a PyTorch checkpoint's way, or as TensorFlow variables (without scope and
  /// ":0") of an artifact.
  enum class Source { kPyTorch, kTensorFlow };

  /// `names_in_file`: what the file calls those tensors that have another name there.
  explicit Weights(std::map<std::string, TensorView> tensors, Source source = Source::kPyTorch,
                   std::map<std::string, std::string> names_in_file = {})
      : tensors_(std::move(tensors)), names_in_file_(std::move(names_in_file)), source_(source) {}
  Weights(const Weights&) = delete;
  Weights& operator=(const Weights&) = delete;

  /// Tensors whose key ends with the pattern (after a dot or at the start), or that begin with it when it ends in a
  /// dot, are left aside.
  void ignore(const std::string& pattern, const std::string& reason);

  /// The tensor of exactly this name is left aside.
  void ignore_key(const std::string& key, const std::string& reason) { aside_.emplace(key, reason); }

  /// The same by the user's wish: a pattern with * and ? for names as they are in the file. Tensors that the model has
  /// a place for are never left aside. Call it when the model is bound; throws Error(kUsage) when the pattern names no
  /// tensor, or only such as the model needs.
  void ignore_wanted(const std::string& pattern, const std::string& reason);

  Misfit misfit() const;
  /// Throws Error(kBadInput) that lists the missing, unexpected and mismatched names. `where` names the checkpoint,
  /// `advice` says what to do.
  void check_complete(const std::string& where, const std::string& advice = "") const;

  /// Every name that the model has asked for, whether the checkpoint has it or not.
  const std::set<std::string>& asked() const { return asked_; }

  /// Sentences for the user: what the model is made without because the checkpoint lacks it.
  const std::vector<std::string>& notes() const { return notes_; }

  const std::deque<Variable>& variables() const { return variables_; }
  /// All variables are kept in this type from now on: float32, float16 or bfloat16.
  void store_as(DType dtype) {
    for (Variable& variable : variables_) variable.dtype = dtype;
  }
  /// Every tensor of the checkpoint, by key.
  std::vector<LedgerEntry> ledger() const;
  /// The direct layers of the model, as a Keras weights file groups them.
  std::vector<TopLayer> top_layers() const;

 private:
  friend class Scope;
  const Variable& bind(Variable variable, const std::vector<std::string>& keys, const Shape& pytorch_shape,
                       const VariableOptions& options);
  const std::string& in_file(const std::string& key) const;

  std::map<std::string, TensorView> tensors_;
  std::map<std::string, std::string> names_in_file_;
  Source source_;
  std::deque<Variable> variables_;
  std::map<std::string, LedgerEntry> fates_;
  std::map<std::string, std::string> fallbacks_;  // key -> the one that has its numbers
  std::vector<std::pair<std::string, std::string>> ignored_;
  std::map<std::string, std::string> aside_;  // keys, and the reason
  std::set<std::string> asked_;
  std::map<std::string, std::string> wanted_;                // tensors that the user lets go, and the reason
  std::vector<std::pair<std::string, std::string>> shared_;  // (direct layer, prefix of variables it also holds)
  std::vector<std::string> bare_layers_;
  std::vector<std::string> missing_;
  std::vector<std::string> mismatched_;
  std::vector<std::string> notes_;
};

/// A place in the tree of names: the module's path in PyTorch, which is the key of its tensors and the name of its
/// stage, and the same path as TensorFlow writes it.
class Scope {
 public:
  explicit Scope(Weights* weights) : weights_(weights) {}

  /// A child. `A___B` is A in TensorFlow and B in PyTorch, v4's way to name two Keras layers after one PyTorch module.
  Scope operator/(std::string_view name) const;
  /// A member of a list: "layer.0", in TensorFlow "layer_._0".
  Scope operator/(std::int64_t index) const;
  /// A child whose two names differ otherwise, or that holds dots in TensorFlow too: child("stages.0", "stages.0").
  Scope child(std::string_view pytorch, std::string_view tensorflow) const;
  /// A level that only TensorFlow has: the main layer of a base model.
  Scope in_tensorflow(std::string_view name) const;
  /// The same module, whose variables lie outside the scope of the model's class: "shared" for T5's
  /// "shared/shared/...", "" for variables without any scope. `layer` is the direct layer of the model that holds them
  /// when it is not the first level of their name: "model" for BART's "model.shared/model.shared/...".
  Scope outside_class(std::string_view tensorflow, std::string_view layer = "") const;

  /// The module's path in PyTorch; empty for the model itself.
  const std::string& path() const { return path_; }
  /// The same in TensorFlow.
  const std::string& tensorflow_path() const { return tensorflow_path_; }

  /// Declares a variable `<this>/<leaf>`, filled from `<this>.<key>` of the given PyTorch shape. A tensor that is
  /// missing or has another shape is reported by Weights::check_complete.
  const Variable& variable(const std::string& leaf, const std::string& key, const Shape& pytorch_shape,
                           const VariableOptions& options = {}) const;
  /// The same, from the first of several keys that the checkpoint has; the others are tied to it.
  const Variable& variable(const std::string& leaf, const std::vector<std::string>& keys, const Shape& pytorch_shape,
                           const VariableOptions& options = {}) const;
  /// False when the checkpoint has no tensor below this child: the model is to be made without it, and a note says so.
  /// For the pooler of base models, which PyTorch's classes leave out with add_pooling_layer=False. True when there is
  /// no checkpoint at all.
  bool has_part(std::string_view name) const;
  /// PyTorch ties `<this>.<key>` to the variable: the checkpoint may hold it or not, the variable's own tensor counts.
  void tie(const std::string& key, const Variable& variable) const;
  /// A checkpoint that lacks `<this>.<key>` means the variable's own numbers there.
  void fall_back(const std::string& key, const Variable& variable) const;
  /// Keras' weights files list the variables below `other` in this direct layer too, because it holds that layer.
  void holds(const Scope& other) const;
  /// Keras' weights files name this direct layer although it has no variables: a Dropout that was given a name.
  void without_variables() const;

 private:
  std::string key(const std::string& leaf) const { return path_.empty() ? leaf : path_ + "." + leaf; }

  Weights* weights_;
  std::string path_;
  std::string tensorflow_path_;
  std::string layer_;  // see Variable::layer
};

}  // namespace crossload::keras

// The base of a model with its head.
#pragma once

#include <source_location>
#include <string>
#include <vector>

#include "keras/module.h"
#include "keras/words.h"

namespace crossload::keras {

/// One tensor that a model takes: -1 for sizes known at run time.
struct InputSpec {
  std::string name;
  tf::DataType dtype;
  Shape shape;
};

using Signature = std::vector<InputSpec>;

/// What the node of an input is called; no variable and no other node is called so.
inline std::string node_name(const InputSpec& input) { return "input." + input.name; }

/// int32 inputs of unknown sizes: [batch, length], or [batch, choices, length] for rank 3.
Signature token_inputs(const std::vector<std::string>& names, std::size_t rank = 2);
/// float32 [batch, length, features]
InputSpec states_input(const std::string& name, std::int64_t features);

/// What an input that is left out stands for.
struct InputDefault {
  std::string name;
  std::int32_t value;
  /// The input whose first sizes it has, the one of these that was passed; where it has more, they are those of its own
  /// InputSpec.
  std::vector<std::string> like;
};

/// attention_mask of ones for whichever of `inputs` was passed.
InputDefault ones_for(const std::vector<std::string>& inputs, const std::string& name = "attention_mask");

/// An input that the model makes of another where it was not passed, see given_or_made.
struct MadeInput {
  std::string name;
  std::vector<std::string> of;  // the one of these that was passed
  bool instead = false;         // it is passed in place of that one, not besides
  bool gives_results = false;   // making it gives results of the model that are not there when it is passed
};

/// The signature that returns hidden states and attentions too.
inline constexpr const char* kWithHiddenStates = "hidden_states_and_attentions";

/// What a model takes.
struct Interface {
  /// The inputs of the SavedModel's `serving_default`, as v4 has them.
  Signature serving;
  /// What may be passed besides, at its usual rank.
  Signature others = {};
  /// Other sets of inputs that the SavedModel's `__call__` accepts, by their names.
  std::vector<std::vector<std::string>> calls = {};
  /// Inputs without which the model returns what it returns with these values.
  std::vector<InputDefault> defaults = {};
  /// In the order in which the model makes them.
  std::vector<MadeInput> made = {};
  /// Results that the SavedModel gives by signatures of their own alone, which are called as they are. `serving_default`
  /// and `__call__` leave them out.
  std::vector<std::string> own_signatures = {};
};

/// Built from a checkpoint, called into a graph, any number of times.
class Model {
 public:
  /// `where` is left out: it then lies in the constructor of the derived class.
  Model(Config config, Interface interface, std::source_location where = std::source_location::current())
      : config_(std::move(config)), interface_(std::move(interface)), where_(where) {}
  virtual ~Model() = default;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  const Config& config() const { return config_; }

  const Interface& interface() const { return interface_; }
  const Signature& serving() const { return interface_.serving; }
  /// Everything that may be passed. First the inputs of serving().
  Signature inputs() const;
  /// What the SavedModel's `__call__` accepts besides serving(): other sets of inputs. Those of Interface::calls, and
  /// every whole call, see keras/calls.h.
  std::vector<Signature> other_calls() const;

  /// What others use. Throws ModuleError when the model's operations do not fit each other.
  ModelOutput operator()(const ModelInputs& inputs, const Call& call) const;
  /// What authors write.
  virtual ModelOutput call(const ModelInputs& inputs, const Call& call) const = 0;

 private:
  Config config_;
  Interface interface_;
  std::source_location where_;
};

}  // namespace crossload::keras

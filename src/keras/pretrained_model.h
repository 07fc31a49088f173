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

/// int32 inputs of unknown sizes: [batch, length], or [batch, choices, length] for rank 3.
inline Signature token_inputs(const std::vector<std::string>& names, std::size_t rank) {
  Signature signature;
  for (const std::string& name : names) signature.push_back({name, tf::DataType::kInt32, Shape(rank, -1)});
  return signature;
}

/// Built from a checkpoint, called into a graph, any number of times.
class TFPreTrainedModel {
 public:
  /// `where` is left out: it then lies in the constructor of the derived class.
  explicit TFPreTrainedModel(Config config, std::source_location where = std::source_location::current())
      : config_(std::move(config)), where_(where) {}
  virtual ~TFPreTrainedModel() = default;
  TFPreTrainedModel(const TFPreTrainedModel&) = delete;
  TFPreTrainedModel& operator=(const TFPreTrainedModel&) = delete;

  const Config& config() const { return config_; }

  /// Everything that may be passed, the ranks at their usual ones. First the inputs of serving().
  virtual Signature inputs() const = 0;
  /// The inputs of the SavedModel's `serving_default`, as v4 has them.
  virtual Signature serving() const = 0;
  /// What the SavedModel's `__call__` accepts besides serving(): other sets of inputs.
  virtual std::vector<Signature> other_calls() const { return {}; }

  /// What others use. Throws ModuleError when the model's operations do not fit each other.
  ModelOutput operator()(const ModelInputs& inputs, bool training) const;
  /// What authors write.
  virtual ModelOutput call(const ModelInputs& inputs, bool training) const = 0;

 private:
  Config config_;
  std::source_location where_;
};

}  // namespace crossload::keras

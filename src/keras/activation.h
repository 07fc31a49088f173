// Activation functions by the names that configurations use.
#pragma once

#include <string>
#include <vector>

#include "keras/module.h"
#include "keras/rows.h"

namespace crossload::keras {

/// PyTorch's nn.functional.gelu: the exact one. As a function it is no stage.
tf::Tensor gelu(const tf::Tensor& x);

/// An element-wise function by its name, see Activation, where PyTorch calls the function and has no module.
tf::Tensor (*activation(const std::string& name))(const tf::Tensor& x);

/// An element-wise function, named as in Transformers' ACT2FN table (transformers/activations.py), with PyTorch's
/// formula. Where Keras has a function of the same name with another formula (its `gelu` may be the tanh
/// approximation), PyTorch's is taken.
class Activation : public Module<Activation> {
 public:
  /// Throws Error(kUnsupported) that lists the known names.
  Activation(const Scope& scope, const std::string& name);
  tf::Tensor call(const tf::Tensor& x) const { return row_wise(x, function_); }

  /// All names, sorted.
  static std::vector<std::string> names();

 private:
  tf::Tensor (*function_)(const tf::Tensor& x);
};

}  // namespace crossload::keras

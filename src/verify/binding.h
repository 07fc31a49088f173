// Whether the variables of an artifact are those of the PyTorch checkpoint, and what happened to the ones that are not.
#pragma once

#include <string>
#include <vector>

#include "export/stored_weights.h"
#include "keras/weights.h"

namespace crossload::verify {

/// One variable whose values are not the checkpoint's.
struct BindingFault {
  std::string variable;  // TensorFlow's name
  std::string key;       // PyTorch's
  std::string what;      // "transposed", "swapped with ...", "element [0, 3] is 0.5, wanted 0.25"
};

/// Compares every variable, in TensorFlow's layout and bit by bit, with what the checkpoint (`expected`, bound from
/// PyTorch) says. Finds the known ways to go wrong: a kernel left in PyTorch's layout, two variables exchanged, one
/// that holds another's values, rows shifted, rounding to a narrower type, a constant, a scale; and counts the rest.
std::vector<BindingFault> find_binding_faults(const keras::Weights& expected, const exporting::StoredWeights& artifact);

}  // namespace crossload::verify

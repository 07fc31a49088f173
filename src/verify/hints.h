// What numbers alone say about why a module is off.
//
// Each pattern is a computation: the fault is applied to what PyTorch computed (or to the module's own input and
// weights), and the hint is given when that takes away at least nine tenths of the difference. So a rounding error, or
// a difference that nobody has met, gives no hint.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "crossload/dtype.h"

namespace crossload::verify {

/// A tensor, its elements in the order of the shape.
struct Numbers {
  Shape shape = {};
  std::span<const float> values = {};
};

struct NamedNumbers {
  std::string name;
  Numbers numbers;
};

/// The parameters of a module in TensorFlow's layout (a Linear's weight is [in, out]); empty where there are none.
struct Parameters {
  std::string module;  // its path
  Numbers weight = {};
  Numbers bias = {};
};

/// All that is known about a module that is off while what it reads is not. Everything but the first four may be
/// missing; then the hints that need it are not found.
struct Suspect {
  std::string path;
  std::string class_name;                 // PyTorch's
  std::vector<Numbers> tensorflow;        // the tensors that the module returned
  std::vector<Numbers> pytorch;           // the same tensors, in the same order
  std::vector<NamedNumbers> reads = {};   // tensors of the stages that it starts from
  std::vector<NamedNumbers> others = {};  // PyTorch's tensors of stages about it that have the shape of one of its own
  Parameters own = {};
  std::vector<Parameters> alike = {};          // of other modules, with a weight of the same shape
  std::map<std::string, double> numbers = {};  // of the configuration, "hidden_size" -> 768
  Numbers attention_mask = {};                 // [batch, keys], zero for excluded keys
};

/// One sentence, or nothing. The most specific pattern that holds.
std::string hint(const Suspect& suspect);
/// The same of the probabilities among the suspect's tensors alone: for an attention whose fault is first seen in what
/// is computed from them.
std::string hint_of_probabilities(const Suspect& suspect);

}  // namespace crossload::verify

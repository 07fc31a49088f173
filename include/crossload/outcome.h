// What a conversion or a comparison came to.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace crossload {

/// One line of the closing table: the modules below one part of the model, or one output.
struct TableRow {
  std::string name;
  std::size_t stages = 0;
  double max_error = 0;
  double max_error_padded = 0;  // negative when no position is excluded
  bool agrees = true;
  std::size_t rounding = 0;  // tensors that only float32's rounding explains
};

struct Outcome {
  bool verified = false;
  bool agrees = false;
  /// "agrees", "agrees; N of M tensors are over 1e-05 by float32's rounding, ...", "disagrees" or "not verified".
  std::string verdict;
  /// False when the models disagree, and the target is as it was; and always for a comparison.
  bool written = false;
  std::string tensorflow_class;
  std::filesystem::path output;
  std::vector<std::string> files;
  std::size_t tensors_bound = 0;
  std::size_t tensors_tied = 0;
  std::size_t tensors_ignored = 0;
  std::size_t modules_traced = 0;
  std::size_t modules_compared = 0;
  bool served = false;
  std::size_t functions = 0;      // of the SavedModel
  std::size_t functions_run = 0;  // that were called and compared
  std::size_t cells = 0;          // further sets of inputs that were run
  std::vector<TableRow> table;
  /// Sentences about model.tflite: what it is, and how far its outputs are from PyTorch's; empty without one.
  std::vector<std::string> litert;
  /// Sentences about what rounding alone explains; empty when nothing is over the limit.
  std::vector<std::string> rounding;
  /// Sentences of the reference, what it had to do without; and which files of an earlier conversion went.
  std::vector<std::string> notes;
  /// Sentences about the first divergence and what was not compared; empty when all agree.
  std::vector<std::string> findings;
  /// The certificate, a JSON document.
  std::string certificate;
};

}  // namespace crossload

// Tensors by the names that PyTorch's classes give them today, and what their file calls those that have other names
// there: what prefixes were taken off, and what was renamed since. Errors speak of names as they are in the file.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tensor/tensor_view.h"

namespace crossload::checkpoint {

/// The names of a file, where they differ, by those of today.
using NamesInFile = std::map<std::string, std::string>;

class NamedTensors {
 public:
  NamedTensors() = default;
  explicit NamedTensors(std::map<std::string, tensor::TensorView> tensors) : tensors_(std::move(tensors)) {}

  const std::map<std::string, tensor::TensorView>& tensors() const { return tensors_; }
  const NamesInFile& names_in_file() const { return names_in_file_; }
  /// What the file calls the tensor.
  const std::string& in_file(const std::string& name) const;

  /// Gives every tensor the name that `renamed` makes of its present one. A tensor whose new name another one has keeps
  /// its own: nobody expects it under that, and it is reported.
  void rename(const std::function<std::string(const std::string&)>& renamed);
  /// Adds what another file holds. Of two tensors with one name the first stays.
  void add(const std::map<std::string, tensor::TensorView>& tensors) {
    tensors_.insert(tensors.begin(), tensors.end());
  }
  void add(const NamedTensors& other) {
    add(other.tensors_);
    names_in_file_.insert(other.names_in_file_.begin(), other.names_in_file_.end());
  }

 private:
  std::map<std::string, tensor::TensorView> tensors_;
  NamesInFile names_in_file_;
};

/// The names that PyTorch's from_pretrained renames on load, by today's (_fix_state_dict_key_on_load of Transformers
/// 4.57): LayerNorm.gamma and LayerNorm.beta of BERT's first years are weight and bias, and the parts of a weight norm
/// of PyTorch before 2.0, weight_g and weight_v, are parametrizations.weight.original0 and original1. A "gamma" of
/// another module is a parameter with that name.
std::string name_of_today(const std::string& name);

}  // namespace crossload::checkpoint

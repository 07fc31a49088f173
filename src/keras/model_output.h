// What models take and return.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tf/graph.h"

namespace crossload::keras {

/// Named tensors.
struct ModelInputs {
  std::map<std::string, tf::Tensor> tensors;
  std::string prefix = {};  // what the model calls them has this before: "decoder_" for those of a decoder

  std::optional<tf::Tensor> find(const std::string& name) const {
    const auto entry = tensors.find(name);
    return entry == tensors.end() ? std::nullopt : std::optional<tf::Tensor>(entry->second);
  }
  /// Throws Error(kUsage) when it was not passed.
  const tf::Tensor& at(const std::string& name) const;
};

/// Whether a result, a list or one of its members ("vision.hidden_states.0"), is what comes on request alone.
bool are_hidden_states(const std::string& name);
bool are_attentions(const std::string& name);

/// Named results in the order of PyTorch's ModelOutput. A field is one tensor, or a list such as hidden_states.
class ModelOutput {
 public:
  struct Field {
    std::string name;
    std::vector<tf::Tensor> tensors;
    bool is_list;
    bool is_even = true;  // a list whose members have the same sizes in every run, as far as their shapes say
  };

  ModelOutput& add(const std::string& name, const tf::Tensor& tensor) {
    fields_.push_back({name, {tensor}, false});
    return *this;
  }
  /// An empty list is not there, like None.
  ModelOutput& add(const std::string& name, const std::vector<tf::Tensor>& tensors, bool is_even = true) {
    if (!tensors.empty()) fields_.push_back({name, tensors, true, is_even});
    return *this;
  }
  /// Adds the fields of another output that have these names.
  ModelOutput& add_from(const ModelOutput& other, const std::vector<std::string>& names);

  const std::vector<Field>& fields() const { return fields_; }
  /// The tensor of a field that the model's author knows to be there.
  const tf::Tensor& at(const std::string& name) const;

 private:
  std::vector<Field> fields_;
};

}  // namespace crossload::keras

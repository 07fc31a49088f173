#include "keras/model_output.h"

#include <algorithm>

#include "crossload/error.h"

namespace crossload::keras {

namespace {

std::string without_places(const std::string& name) { return name.substr(0, name.find_last_not_of(".0123456789") + 1); }

}  // namespace

bool are_hidden_states(const std::string& name) { return without_places(name).ends_with("hidden_states"); }
bool are_attentions(const std::string& name) { return without_places(name).ends_with("attentions"); }

const tf::Tensor& ModelInputs::at(const std::string& name) const {
  const auto entry = tensors.find(name);
  if (entry == tensors.end())
    throw Error(ErrorKind::kUsage, "the model needs the input \"" + name + "\", which is not there");
  return entry->second;
}

ModelOutput& ModelOutput::add_from(const ModelOutput& other, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    for (const Field& field : other.fields_) {
      if (field.name == name) fields_.push_back(field);
    }
  }
  return *this;
}

const tf::Tensor& ModelOutput::at(const std::string& name) const {
  const auto field = std::find_if(fields_.begin(), fields_.end(), [&](const Field& f) { return f.name == name; });
  if (field == fields_.end()) throw Error(ErrorKind::kUnsupported, "the model does not return " + name);
  return field->tensors.front();
}

}  // namespace crossload::keras

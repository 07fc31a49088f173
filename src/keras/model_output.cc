#include "keras/model_output.h"

#include <algorithm>

#include "crossload/error.h"

namespace crossload::keras {

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

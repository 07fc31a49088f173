#include "checkpoint/named_tensors.h"

#include <string_view>
#include <utility>

namespace crossload::checkpoint {

const std::string& NamedTensors::in_file(const std::string& name) const {
  const auto found = names_in_file_.find(name);
  return found == names_in_file_.end() ? name : found->second;
}

void NamedTensors::rename(const std::function<std::string(const std::string&)>& renamed) {
  std::map<std::string, tensor::TensorView> tensors;
  NamesInFile names_in_file;
  const auto place = [&](const std::string& old_name, const std::string& new_name, const tensor::TensorView& view) {
    if (!tensors.emplace(new_name, view).second) return false;
    const std::string& original = in_file(old_name);
    if (original != new_name) names_in_file.emplace(new_name, original);
    return true;
  };
  for (const auto& [name, view] : tensors_) {
    if (renamed(name) == name) place(name, name, view);
  }
  for (const auto& [name, view] : tensors_) {
    const std::string new_name = renamed(name);
    if (new_name != name && !place(name, new_name, view)) place(name, name, view);
  }
  tensors_ = std::move(tensors);
  names_in_file_ = std::move(names_in_file);
}

std::string name_of_today(const std::string& name) {
  constexpr std::pair<std::string_view, std::string_view> kEnds[] = {
      {"LayerNorm.gamma", "LayerNorm.weight"},
      {"LayerNorm.beta", "LayerNorm.bias"},
      {"weight_g", "parametrizations.weight.original0"},
      {"weight_v", "parametrizations.weight.original1"},
  };
  for (const auto& [old_end, new_end] : kEnds) {
    if (name.ends_with(old_end)) return name.substr(0, name.size() - old_end.size()) + std::string(new_end);
  }
  return name;
}

}  // namespace crossload::checkpoint

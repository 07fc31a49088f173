#include "load/misfit.h"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

namespace crossload::load {
namespace {

/// Every name of the file that ends with a missing one, by what stands before it.
std::map<std::string, std::vector<std::pair<std::string, std::string>>> by_prefix(const keras::Misfit& misfit,
                                                                                  const std::string& base_prefix) {
  std::set<std::string> missing(misfit.missing.begin(), misfit.missing.end());
  for (const std::string& name : misfit.missing) {  // the base model's checkpoints lack its prefix
    if (!base_prefix.empty() && name.starts_with(base_prefix)) missing.insert(name.substr(base_prefix.size()));
  }
  std::map<std::string, std::vector<std::pair<std::string, std::string>>> found;
  for (const std::string& name : misfit.unexpected) {
    for (std::size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1)) {
      const std::string rest = name.substr(dot + 1);
      if (!missing.contains(rest)) continue;
      found[name.substr(0, dot + 1)].emplace_back(name, rest);
      break;
    }
  }
  return found;
}

}  // namespace

std::string advice_about(const keras::Misfit& misfit, const ModelClass& model_class) {
  if (model_class.program) return "the program was traced from another checkpoint; trace this one";
  const std::string& base_prefix = model_class.architecture->base_model_prefix;
  const std::string dotted = base_prefix.empty() ? "" : base_prefix + ".";
  for (const auto& [prefix, names] : by_prefix(misfit, dotted)) {
    if (2 * names.size() < misfit.missing.size()) continue;
    const auto& [in_file, wanted] = names.front();
    // A head's class takes all names without the base model's prefix, or the base model's with it: nothing in between.
    const bool is_whole = wanted.starts_with(dotted) || model_class.head == &model_class.architecture->heads.front();
    const std::string instead =
        is_whole ? "name.removeprefix(\"" + prefix + "\")" : "name.replace(\"" + prefix + "\", \"" + dotted + "\", 1)";
    return "\"" + prefix +
           "\" in front of the names is in the way, as Lightning and wrappers of a model put it there: " + in_file +
           " is " + (is_whole ? wanted : dotted + wanted) + " of " + model_class.pytorch_name() +
           "; in Python, save {" + instead + ": t for name, t in state_dict.items()} instead";
  }
  const keras::Head* base = &model_class.architecture->heads.front();
  const auto is_of_head = [&](const std::string& name) { return !name.starts_with(dotted); };
  if (!misfit.missing.empty() && misfit.mismatched.empty() && !base_prefix.empty() && model_class.head != base &&
      std::all_of(misfit.missing.begin(), misfit.missing.end(), is_of_head)) {
    return "the head's alone are missing: give the class that was saved with --override-model-class, or " +
           base->name.substr(2) + " for the model without a head";
  }
  if (misfit.missing.empty() && misfit.mismatched.empty()) {
    return model_class.pytorch_name() + " has no place for them: let them go with --ignore-tensors '" +
           misfit.unexpected.front() +
           "=REASON' (* stands for any text), or give another class with "
           "--override-model-class";
  }
  return "is config.json the one of these weights, and is " + model_class.pytorch_name() +
         " the right class? --override-model-class gives another";
}

}  // namespace crossload::load

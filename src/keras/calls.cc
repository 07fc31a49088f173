#include "keras/calls.h"

#include <algorithm>

#include "crossload/error.h"

namespace crossload::keras {
namespace {

using Names = std::set<std::string>;

/// With every input that has a default.
Names filled(const Interface& interface, Names names) {
  for (const InputDefault& by : interface.defaults) {
    if (first_of(by.like, names) != nullptr) names.insert(by.name);
  }
  return names;
}

/// With an input that can be made of them; the same names where it cannot.
Names with(const Interface& interface, const MadeInput& made, Names names) {
  if (!names.contains(made.name) && first_of(made.of, names) == nullptr) return names;
  names.insert(made.name);
  if (made.instead) {
    for (const std::string& name : made.of) names.erase(name);
  }
  return filled(interface, std::move(names));
}

Names body_of(const Interface& interface, Names names) {
  for (const MadeInput& made : interface.made) names = with(interface, made, std::move(names));
  return names;
}

}  // namespace

std::vector<WholeCall> whole_calls(const Model& model) {
  const Interface& interface = model.interface();
  std::vector<WholeCall> calls;
  std::set<Names> known;
  std::vector<Names> bases = {names_of(model.serving())};
  for (const std::vector<std::string>& call : interface.calls) bases.emplace_back(call.begin(), call.end());
  for (const Names& base : bases) {
    std::vector<Names> sets = {filled(interface, base)};
    const Names body = body_of(interface, sets.front());
    for (const MadeInput& made : interface.made) {
      for (std::size_t i = 0, count = sets.size(); i < count; ++i) {
        Names given = with(interface, made, sets[i]);
        if (given != sets[i] && body_of(interface, given) == body) sets.push_back(std::move(given));
      }
    }
    for (const Names& names : sets) {
      if (known.insert(names).second) calls.push_back({signature_of(model, names), signature_of(model, body)});
    }
  }
  return calls;
}

std::vector<Signature> partial_calls(const Model& model, const Signature& whole) {
  std::vector<Signature> sets = {whole};
  const Names given = names_of(whole);
  for (const InputDefault& by : model.interface().defaults) {
    if (!given.contains(by.name) || first_of(by.like, given) == nullptr) continue;
    for (std::size_t i = 0, count = sets.size(); i < count; ++i) {
      Signature without = sets[i];
      std::erase_if(without, [&](const InputSpec& input) { return input.name == by.name; });
      sets.push_back(std::move(without));
    }
  }
  return sets;
}

std::set<std::string> names_of(const Signature& signature) {
  Names names;
  for (const InputSpec& input : signature) names.insert(input.name);
  return names;
}

Signature signature_of(const Model& model, const std::set<std::string>& names) {
  const Signature all = model.inputs();
  Signature signature;
  for (const std::string& name : names) {
    const auto input = std::ranges::find(all, name, &InputSpec::name);
    if (input == all.end())
      throw Error(ErrorKind::kUnsupported, "the model has no input " + name + " to be called with");
    signature.push_back(*input);
  }
  return signature;
}

}  // namespace crossload::keras

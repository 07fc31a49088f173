// The sets of inputs that a model can be called with.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "keras/model.h"

namespace crossload::keras {

/// A set of inputs from which none is left out that has a default.
struct WholeCall {
  Signature inputs;  // sorted by name, as all signatures here
  /// What the model is called with once it has made of them all that it can: whole calls with the same body differ in
  /// what they are given in place of that.
  Signature body;
};

/// Those of Model::serving() first, then those of Interface::calls, each followed by the others with the same body.
std::vector<WholeCall> whole_calls(const Model& model);

/// The inputs of a whole call without each subset of those that have a default, all of them first.
std::vector<Signature> partial_calls(const Model& model, const Signature& whole);

std::set<std::string> names_of(const Signature& signature);
/// Throws Error(kUnsupported) for a name that is none of the model's inputs.
Signature signature_of(const Model& model, const std::set<std::string>& names);

/// The one of `wanted` that is there; nullptr when none is.
template <class Names>
const std::string* first_of(const std::vector<std::string>& wanted, const Names& names) {
  for (const std::string& name : wanted) {
    if (names.contains(name)) return &name;
  }
  return nullptr;
}

}  // namespace crossload::keras

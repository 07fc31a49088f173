#include "keras/model.h"

#include <set>

#include "keras/calls.h"

namespace crossload::keras {

Signature token_inputs(const std::vector<std::string>& names, std::size_t rank) {
  Signature signature;
  for (const std::string& name : names) signature.push_back({name, tf::DataType::kInt32, Shape(rank, -1)});
  return signature;
}

InputSpec states_input(const std::string& name, std::int64_t features) {
  return {name, tf::DataType::kFloat, {-1, -1, features}};
}

InputDefault ones_for(const std::vector<std::string>& inputs, const std::string& name) { return {name, 1, inputs}; }

Signature Model::inputs() const {
  Signature all = interface_.serving;
  all.insert(all.end(), interface_.others.begin(), interface_.others.end());
  return all;
}

std::vector<Signature> Model::other_calls() const {
  std::vector<Signature> calls;
  std::set<std::set<std::string>> known = {names_of(serving())};
  const auto add = [&](const Signature& call) {
    if (known.insert(names_of(call)).second) calls.push_back(call);
  };
  for (const std::vector<std::string>& names : interface_.calls) add(signature_of(*this, {names.begin(), names.end()}));
  for (const WholeCall& call : whole_calls(*this)) add(call.inputs);
  return calls;
}

ModelOutput Model::operator()(const ModelInputs& inputs, const Call& options) const {
  const ModuleCall running(graph_of(inputs), place_of("", typeid(*this), where_), "");
  try {
    return call(inputs, options);
  } catch (const tf::OperationError& error) {
    running.fail(error);
  }
}

}  // namespace crossload::keras

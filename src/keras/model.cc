#include "keras/model.h"

#include <algorithm>

#include "crossload/error.h"

namespace crossload::keras {

Signature token_inputs(const std::vector<std::string>& names, std::size_t rank) {
  Signature signature;
  for (const std::string& name : names) signature.push_back({name, tf::DataType::kInt32, Shape(rank, -1)});
  return signature;
}

InputSpec states_input(const std::string& name, std::int64_t features) {
  return {name, tf::DataType::kFloat, {-1, -1, features}};
}

InputDefault ones_for(const std::string& input, const std::string& name) { return {name, 1, input}; }

Signature Model::inputs() const {
  Signature all = interface_.serving;
  all.insert(all.end(), interface_.others.begin(), interface_.others.end());
  return all;
}

std::vector<Signature> Model::other_calls() const {
  const Signature all = inputs();
  std::vector<Signature> calls;
  for (const std::vector<std::string>& names : interface_.calls) {
    Signature& call = calls.emplace_back();
    for (const std::string& name : names) {
      const auto input = std::ranges::find(all, name, &InputSpec::name);
      if (input == all.end())
        throw Error(ErrorKind::kUnsupported, "the model has no input " + name + " to be called with");
      call.push_back(*input);
    }
  }
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

#include "lowering/fold.h"

#include <algorithm>
#include <set>

#include "lowering/reads.h"
#include "tf/session.h"

namespace crossload::lowering {
namespace {

using program::Node;

/// More would make the graph's file larger than what it saves is worth.
constexpr std::int64_t kMostBytes = 256 << 10;

bool is_small_tensor(const program::Result& result) {
  const auto* type = std::get_if<program::TensorType>(&result);
  if (type == nullptr || !tf::elements_of(type->dtype)) return false;
  std::int64_t bytes = static_cast<std::int64_t>(tf::size_of(type->dtype));
  for (const program::Size& size : type->shape) {
    const auto* known = std::get_if<std::int64_t>(&size);
    if (known == nullptr || *known > kMostBytes || (bytes *= *known) > kMostBytes) return false;
  }
  return true;
}

/// Nodes that depend on no input and no variable.
std::set<std::string> constant_nodes(const program::Program& program, const Bound& bound) {
  std::set<std::string> constant;
  for (const auto& [node, value] : bound.constants) constant.insert(node);
  for (const Node& node : program.nodes) {
    const std::vector<std::string> names = reads_of(node);
    if (std::ranges::all_of(names, [&](const std::string& name) { return constant.contains(name); })) {
      constant.insert(node.name);
    }
  }
  return constant;
}

}  // namespace

std::map<std::string, tf::HostTensor> fold(const program::Program& program, const Bound& bound,
                                           const std::shared_ptr<const tf::Library>& library) {
  const std::set<std::string> constant = constant_nodes(program, bound);
  std::set<std::string> read;  // by what is not constant itself
  for (const Node& node : program.nodes) {
    if (constant.contains(node.name)) continue;
    const std::vector<std::string> names = reads_of(node);
    read.insert(names.begin(), names.end());
  }
  Wanted wanted{{}, /*stages=*/false, /*checks=*/false};
  for (const Node& node : program.nodes) {
    if (constant.contains(node.name) && read.contains(node.name) && is_small_tensor(node.result)) {
      wanted.outputs.push_back({node.name, node.name});
    }
  }
  std::map<std::string, tf::HostTensor> folded;
  if (wanted.outputs.empty()) return folded;
  keras::ModelGraph graph(library, keras::ModelGraph::Handles::kVariables);
  const std::vector<tf::Tensor> tensors = lower(program, bound, {}, wanted, &graph);
  tf::Session session(&graph, tf::SessionOptions{.rewrite = false});
  const std::vector<tf::HostTensor> values = session.run({}, tensors);
  for (std::size_t i = 0; i < values.size(); ++i) folded.emplace(wanted.outputs[i].node, values[i]);
  return folded;
}

}  // namespace crossload::lowering

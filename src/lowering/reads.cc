#include "lowering/reads.h"

namespace crossload::lowering {
namespace {

void add_reads(const program::Argument& argument, std::vector<std::string>* names) {
  if (const auto* node = argument.get<program::NodeName>()) names->push_back(node->name);
  if (const auto* list = argument.get<program::Argument::List>()) {
    for (const program::Argument& member : *list) add_reads(member, names);
  }
}

}  // namespace

std::vector<std::string> reads_of(const program::Node& node) {
  std::vector<std::string> names;
  for (const auto& [name, argument] : node.args) add_reads(argument, &names);
  return names;
}

}  // namespace crossload::lowering

#include "keras/architecture.h"

namespace crossload::keras {
namespace {

Config with_defaults(const Config& config, const std::vector<std::pair<std::string, Json>>& defaults) {
  Json fields = Json::object();
  for (const auto& [name, value] : config.original().members()) fields.set(name, value);
  for (const auto& [name, value] : defaults) {
    if (!config.json().contains(name)) fields.set(name, value);
  }
  return Config(fields);
}

}  // namespace

Architecture renamed(Architecture original, const std::string& from, const std::string& to, const Alias& alias) {
  original.model_type = alias.model_type;
  original.source = alias.source;
  for (Head& head : original.heads) {
    if (const std::size_t at = head.name.find(from); at != std::string::npos) head.name.replace(at, from.size(), to);
    for (const auto& [name, families] : alias.families) {
      if (head.name == name) head.families = families;
    }
    if (alias.defaults.empty()) continue;
    head.build = [build = std::move(head.build), defaults = alias.defaults](const Scope& scope, const Config& config) {
      return build(scope, with_defaults(config, defaults));
    };
  }
  return original;
}

}  // namespace crossload::keras

#include "export/variable_names.h"

namespace crossload::exporting {
namespace {

constexpr std::string_view kOutput = ":0";

std::string_view without_output(std::string_view name) {
  return name.ends_with(kOutput) ? name.substr(0, name.size() - kOutput.size()) : name;
}

std::string_view without_first_level(std::string_view name) {
  const std::size_t slash = name.find('/');
  return slash == std::string_view::npos ? name : name.substr(slash + 1);
}

/// Names that Transformers writes with their first level into shards and safetensors.
bool keeps_first_level(std::string_view name) { return name.find("model.") != std::string_view::npos; }

}  // namespace

std::string full_name(std::string_view scope, std::string_view variable) {
  if (variable.starts_with('/')) return std::string(variable.substr(1)) + std::string(kOutput);
  return std::string(scope) + "/" + std::string(variable) + std::string(kOutput);
}

std::string key_of_full_name(std::string_view full) {
  return std::string(keeps_first_level(full) ? full : without_first_level(full));
}

std::string stored_name_of_full_name(std::string_view full) {
  return std::string(without_first_level(without_output(full)));
}

std::string stored_name_of_key(std::string_view key) {
  const std::string_view name = without_output(key);
  return std::string(keeps_first_level(name) ? without_first_level(name) : name);
}

}  // namespace crossload::exporting

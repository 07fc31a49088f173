#include "flow/configuration.h"

#include <cstdio>
#include <set>

#include "bytes/json.h"

namespace crossload::flow {
namespace {

/// Fields of a configuration that say nothing about what a model computes.
const std::set<std::string>& silent_fields() {
  static const std::set<std::string> fields = {"_name_or_path", "architectures",        "dtype",
                                               "torch_dtype",   "transformers_version", "return_dict",
                                               "use_cache",     "_attn_implementation"};
  return fields;
}

/// A field as a person would write it.
std::string as_text(const bytes::Json& value) {
  if (!value.is_number() || value.is_integer()) return value.dump();
  char text[32];
  std::snprintf(text, sizeof(text), "%g", value.as_number());
  return text;
}

}  // namespace

std::vector<std::string> configuration_differences(const checkpoint::Config& artifact, const verify::Trace& trace) {
  std::vector<std::string> differences;
  const checkpoint::Config reference = checkpoint::Config::parse(trace.metadata("config"), "config of the trace");
  for (const auto& [name, value] : reference.json().members()) {
    if (silent_fields().contains(name) || value.is_null() || !artifact.has(name)) continue;
    const bytes::Json ours = artifact.json().at(name);
    if (ours.dump() == value.dump()) continue;
    differences.push_back(name + " is " + as_text(ours) + " in the artifact, " + as_text(value) + " in PyTorch");
  }
  return differences;
}

}  // namespace crossload::flow

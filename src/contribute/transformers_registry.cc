#include "contribute/transformers_registry.h"

#include <algorithm>
#include <regex>

#include "bytes/environment.h"
#include "bytes/text_file.h"
#include "contribute/source_text.h"
#include "crossload/error.h"

namespace crossload::contribute {
namespace {

namespace fs = std::filesystem;

/// The package in an environment; empty without.
fs::path package_in(const fs::path& environment) {
  std::error_code ignored;
  if (fs::exists(environment / "models" / "auto" / "modeling_auto.py", ignored)) return environment;
  for (const fs::directory_entry& entry : fs::directory_iterator(environment / "lib", ignored)) {
    const fs::path package = entry.path() / "site-packages" / "transformers";
    if (fs::exists(package / "models" / "auto" / "modeling_auto.py", ignored)) return package;
  }
  return {};
}

fs::path find_package(const fs::path& given) {
  for (const fs::path& place : given.empty() ? bytes::virtual_environments() : std::vector<fs::path>{given}) {
    if (fs::path package = package_in(place); !package.empty()) return package;
  }
  throw Error(ErrorKind::kEnvironment, (given.empty() ? "transformers" : given.string()) +
                                           ": no installed Transformers found; `make setup` installs one into .venv, "
                                           "--transformers names its folder or its virtual environment");
}

/// The keys of `<mapping> = OrderedDict([("key", ...), ...])`.
std::vector<std::string> keys_of(const fs::path& file, const std::string& mapping) {
  const std::string text = bytes::read_text(file);
  const std::size_t name = ("\n" + text).find("\n" + mapping + " = OrderedDict(");
  const std::size_t end = name == std::string::npos ? name : text.find("\n)\n", name);
  std::vector<std::string> keys;
  if (end != std::string::npos) {
    const std::string list = text.substr(name, end - name);
    const std::regex entry("\\n *\\(\\s*\"([^\"]+)\",");
    for (std::sregex_iterator at(list.begin(), list.end(), entry), none; at != none; ++at) keys.push_back((*at)[1]);
  }
  if (keys.empty()) {
    throw Error(ErrorKind::kBadInput, file.string() + ": holds no list " + mapping + " of the form known here");
  }
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

}  // namespace

TransformersRegistry read_transformers_registry(const fs::path& given) {
  TransformersRegistry registry;
  registry.folder = find_package(given);
  std::smatch version;
  const std::string init = bytes::read_text(registry.folder / "__init__.py");
  if (std::regex_search(init, version, std::regex("__version__ = \"([^\"]+)\""))) registry.version = version[1];
  const fs::path automatic = registry.folder / "models" / "auto";
  registry.pytorch = keys_of(automatic / "modeling_auto.py", "MODEL_MAPPING_NAMES");
  if (fs::exists(automatic / "modeling_tf_auto.py")) {
    registry.tensorflow = keys_of(automatic / "modeling_tf_auto.py", "TF_MODEL_MAPPING_NAMES");
  }
  return registry;
}

}  // namespace crossload::contribute

#include "checkpoint/sentence_modules.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "checkpoint/pytorch_file.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/shard_index.h"
#include "checkpoint/weight_files.h"
#include "crossload/error.h"

namespace crossload::checkpoint {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPackage = "sentence_transformers.";
constexpr std::array<std::string_view, 4> kKinds = {"Dense", "LayerNorm", "Normalize", "Pooling"};
constexpr std::array<std::string_view, 2> kWithWeights = {"Dense", "LayerNorm"};

/// An entry of modules.json.
struct Entry {
  std::string name;
  std::string type;
  fs::path folder;
};

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

/// A relative path that stays below the folder it is relative to.
bool stays_below(const fs::path& path) {
  return !path.is_absolute() &&
         std::none_of(path.begin(), path.end(), [](const fs::path& part) { return part == ".."; });
}

std::vector<Entry> read_entries(const fs::path& folder) {
  const fs::path file = folder / kSentenceModules;
  const auto fail = [&](const std::string& what) { throw Error(ErrorKind::kBadInput, file.string() + ": " + what); };
  const bytes::Json list = read_json(file);
  if (!list.is_array()) fail("is no list of modules; is it that of sentence-transformers?");
  std::vector<Entry> entries;
  std::set<std::string> names;
  for (const bytes::Json& module : list.elements()) {
    const Entry entry = {module.at("name").as_string(), module.at("type").as_string(),
                         fs::path(module.at("path").as_string()).lexically_normal()};
    if (!stays_below(entry.folder)) fail("the path \"" + entry.folder.string() + "\" leads out of the folder");
    const bool is_name = !entry.name.empty() && entry.name.find_first_not_of("0123456789") == std::string::npos;
    if (!is_name) fail("a module is called \"" + entry.name + "\"; a number is wanted, as sentence-transformers gives");
    if (!names.insert(entry.name).second) fail("two modules are called \"" + entry.name + "\"");
    entries.push_back(entry);
  }
  if (entries.empty()) fail("names no modules");
  return entries;
}

std::string list_of(const auto& names) {
  std::string text;
  for (const std::string_view name : names) text += (text.empty() ? "" : ", ") + std::string(name);
  return text;
}

/// The class of sentence-transformers, under whatever module path a version has it.
std::string kind_of(const Entry& entry, const fs::path& file, bool is_first) {
  const std::string kind = entry.type.substr(entry.type.rfind('.') + 1);
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorKind::kUnsupported, file.string() + ": module " + entry.name + " is " + entry.type + ", " + why +
                                             "; the transformer alone is converted with --override-model-class, such "
                                             "as BertModel");
  };
  if (!entry.type.starts_with(kPackage)) refuse("whose code is the model's own");
  const bool is_transformer = kind == "Transformer";
  if (is_first && !is_transformer) refuse("and a model here begins with a Transformer");
  if (!is_first && std::find(kKinds.begin(), kKinds.end(), kind) == kKinds.end()) {
    refuse("which is not supported after a Transformer; supported are " + list_of(kKinds));
  }
  return kind;
}

void read_weights(const fs::path& folder, const SentenceModule& module, SentenceModules* into) {
  std::map<std::string, tensor::TensorView> tensors;
  for (const char* whole : {kSafetensorsWeights, kPyTorchBinWeights}) {
    const fs::path file = folder / module.folder / whole;
    if (!is_file(file)) continue;
    const bool is_safetensors = whole == std::string_view(kSafetensorsWeights);
    const auto read = is_safetensors ? SafetensorsFile::open(file).tensors() : PyTorchFile::open(file).tensors();
    const std::string prefix = (module.folder / whole).string() + ":";
    for (const auto& [name, view] : read) tensors.emplace(prefix + name, view);
    NamedTensors named(std::move(tensors));
    named.rename([&](const std::string& name) { return module.name + "." + name.substr(prefix.size()); });
    into->tensors.add(named);
    into->files.push_back(file);
    return;
  }
  throw Error(ErrorKind::kBadInput, (folder / module.folder).string() + ": has neither " + kSafetensorsWeights +
                                        " nor " + kPyTorchBinWeights + ", the weights of module " + module.name + " (" +
                                        module.kind + "); download the folder again");
}

SentenceModules read(const fs::path& folder, bool with_weights) {
  const fs::path file = folder / kSentenceModules;
  SentenceModules result;
  result.files.push_back(file);
  bool is_first = true;
  for (const Entry& entry : read_entries(folder)) {
    const std::string kind = kind_of(entry, file, is_first);
    if (std::exchange(is_first, false)) continue;
    const fs::path config = folder / entry.folder / "config.json";
    const bool has_config = kind != "Normalize" || (!entry.folder.empty() && is_file(config));
    if (has_config && !is_file(config)) {
      throw Error(ErrorKind::kBadInput, config.string() + ": is not there, and module " + entry.name + " is a " + kind +
                                            "; download the folder again");
    }
    const bytes::Json fields = has_config ? read_json(config) : bytes::Json::object();
    if (!fields.is_object()) throw Error(ErrorKind::kBadInput, config.string() + ": is no JSON object");
    if (has_config) result.files.push_back(config);
    result.modules.push_back({entry.name, kind, entry.folder, Config(fields), config.string()});
    const bool needs_weights = std::find(kWithWeights.begin(), kWithWeights.end(), kind) != kWithWeights.end();
    if (with_weights && needs_weights) read_weights(folder, result.modules.back(), &result);
  }
  return result;
}

}  // namespace

bool has_sentence_modules(const fs::path& folder) { return is_file(folder / kSentenceModules); }

fs::path transformer_folder(const fs::path& folder) {
  if (is_file(folder / "config.json") || !has_sentence_modules(folder)) return folder;
  return folder / read_entries(folder).front().folder;
}

std::vector<std::string> files_of_sentence_modules(const fs::path& folder) {
  std::vector<std::string> files;
  for (const Entry& entry : read_entries(folder)) {
    if (entry.folder.empty() || entry.folder == ".") continue;
    for (const char* name : {"config.json", kSafetensorsWeights, kPyTorchBinWeights}) {
      files.push_back((entry.folder / name).string());
    }
  }
  return files;
}

SentenceModules read_sentence_modules(const fs::path& folder) { return read(folder, /*with_weights=*/true); }

SentenceModules read_sentence_modules_without_weights(const fs::path& folder) {
  return read(folder, /*with_weights=*/false);
}

}  // namespace crossload::checkpoint

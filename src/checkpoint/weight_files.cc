#include "checkpoint/weight_files.h"

#include <algorithm>
#include <set>

#include "checkpoint/safetensors.h"
#include "checkpoint/shard_index.h"
#include "crossload/error.h"

namespace crossload::checkpoint {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kIndex = ".index.json";

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// "00001-of-00002"
bool is_part(std::string_view text) {
  const std::size_t of = text.find("-of-");
  return of != std::string_view::npos && is_number(text.substr(0, of)) && is_number(text.substr(of + 4));
}

bool is_tensorflow_index(const fs::path& file) {
  const auto index = read_shard_index(file);
  // Keras names every variable "...:0"; no parameter of PyTorch's is called so.
  return !index.empty() &&
         std::all_of(index.begin(), index.end(), [](const auto& entry) { return entry.first.ends_with(":0"); });
}

}  // namespace

std::string index_of(const std::string& whole) { return whole + std::string(kIndex); }

bool is_file_of(std::string_view name, std::string_view whole) {
  if (name == whole) return true;
  if (name.starts_with(whole)) return name.substr(whole.size()) == kIndex;
  const std::size_t dot = whole.rfind('.');
  const std::string_view end = whole.substr(dot);
  return name.size() > whole.size() && name.starts_with(whole.substr(0, dot)) && name[dot] == '-' &&
         name.ends_with(end) && is_part(name.substr(dot + 1, name.size() - end.size() - dot - 1));
}

bool is_file_of_any_variant(std::string_view name, std::string_view whole) {
  if (is_file_of(name, whole)) return true;
  const std::size_t dot = whole.rfind('.');
  const std::string index = std::string(whole) + ".index.";
  if (name.starts_with(index)) return name.ends_with(".json");
  return name.size() > whole.size() && name.starts_with(whole.substr(0, dot + 1)) && name.ends_with(whole.substr(dot));
}

bool is_tensorflow_safetensors(const fs::path& file) {
  try {
    if (file.extension() == ".json") return is_tensorflow_index(file);
    const SafetensorsFile weights = SafetensorsFile::open(file);
    const auto format = weights.metadata().find("format");
    return format != weights.metadata().end() && format->second == "tf";
  } catch (const Error&) {
    return false;
  }
}

std::vector<std::string> files_of_weights(const std::string& whole, const std::function<bool(const std::string&)>& has,
                                          const std::function<fs::path(const std::string&)>& read) {
  if (has(whole)) return {whole};
  const std::string index = index_of(whole);
  if (!has(index)) return {};
  const fs::path path = read(index);
  std::set<std::string> files = {index};
  for (const auto& [tensor, shard] : read_shard_index(path)) {
    if (!has(shard)) {
      throw Error(ErrorKind::kBadInput,
                  path.string() + ": names the shard \"" + shard + "\", which the repository does not have");
    }
    files.insert(shard);
  }
  return {files.begin(), files.end()};
}

std::vector<std::string> pytorch_files(const fs::path& folder) {
  const auto has = [&](const std::string& file) {
    std::error_code ignored;
    if (!fs::exists(folder / file, ignored)) return false;
    return !is_file_of(file, kSafetensorsWeights) || !is_tensorflow_safetensors(folder / file);
  };
  const auto read = [&](const std::string& file) { return folder / file; };
  for (const char* whole : kPyTorchWeights) {
    std::vector<std::string> files = files_of_weights(whole, has, read);
    if (!files.empty()) return files;
  }
  return {};
}

}  // namespace crossload::checkpoint

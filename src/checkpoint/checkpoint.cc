#include "checkpoint/checkpoint.h"

#include <set>

#include "checkpoint/safetensors.h"
#include "crossload/error.h"
#include "tensor/mapped_file.h"

namespace crossload {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kGoldenPrefix = "weight.";

[[noreturn]] void fail(const std::string& message) { throw Error(ErrorKind::kBadInput, message); }

/// False only when nothing has this name. What the system refuses to look at counts as there: opening it says why.
bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::status(path, ignored).type() != fs::file_type::not_found;
}

/// A shard's name must be a plain file name: an index from somebody else must not reach outside its folder.
void require_plain_name(const std::string& name, const fs::path& index) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
      name.find('\0') != std::string::npos) {
    fail(index.string() + ": names the shard \"" + name + "\", which is not a file of its folder");
  }
}

std::map<std::string, TensorView> read_shards(const fs::path& folder, const fs::path& index,
                                              std::vector<fs::path>* files) {
  const Json document = Json::parse(read_text(index), index.string());
  std::map<std::string, std::string> weight_map;
  std::set<std::string> shards;
  for (const auto& [key, shard] : document.at("weight_map").members()) {
    require_plain_name(shard.as_string(), index);
    weight_map[key] = shard.as_string();
    shards.insert(shard.as_string());
  }
  std::map<std::string, TensorView> tensors;
  for (const std::string& shard : shards) {
    const fs::path path = folder / shard;
    if (!is_there(path)) {
      fail(index.string() + ": names the shard " + shard + ", which is not there; download the folder again");
    }
    files->push_back(path);
    const SafetensorsFile file = SafetensorsFile::open(path);
    for (const auto& [key, view] : file.tensors()) {
      const auto entry = weight_map.find(key);
      if (entry == weight_map.end())
        fail(path.string() + ": has the tensor " + key + ", which the index does not name");
      if (entry->second != shard)
        fail(path.string() + ": has the tensor " + key + ", which the index puts into " + entry->second);
      tensors.emplace(key, view);
    }
  }
  for (const auto& [key, shard] : weight_map) {
    if (!tensors.contains(key))
      fail((folder / shard).string() + ": lacks the tensor " + key + ", which the index puts there");
  }
  return tensors;
}

/// What a user meets who points at a folder without safetensors.
[[noreturn]] void no_weights(const fs::path& folder) {
  if (is_there(folder / "pytorch_model.bin") || is_there(folder / "pytorch_model.bin.index.json")) {
    throw Error(ErrorKind::kUnsupported, folder.string() +
                                             ": holds pytorch_model.bin, which is not read yet; save it as "
                                             "safetensors with save_pretrained");
  }
  fail(folder.string() + ": has neither model.safetensors nor model.safetensors.index.json");
}

}  // namespace

std::string read_text(const fs::path& path, std::size_t limit) {
  const auto file = MappedFile::open(path);
  if (file->bytes().size() > limit) {
    fail(path.string() + ": has " + std::to_string(file->bytes().size()) + " bytes; a text file of at most " +
         std::to_string(limit) + " is expected");
  }
  return {reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()};
}

Checkpoint Checkpoint::open(const fs::path& path) {
  if (!is_there(path)) fail(path.string() + ": no such file or folder");
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) {
    const SafetensorsFile golden = SafetensorsFile::open(path);
    const auto config = golden.metadata().find("config");
    if (config == golden.metadata().end()) {
      fail(path.string() + ": is a single file without a configuration; give the folder that holds config.json");
    }
    Checkpoint checkpoint(path, Config::parse(config->second, path.string() + " (config)"));
    for (const auto& [key, view] : golden.tensors()) {
      if (key.starts_with(kGoldenPrefix)) checkpoint.tensors_.emplace(key.substr(kGoldenPrefix.size()), view);
    }
    if (checkpoint.tensors_.empty()) fail(path.string() + ": holds no weights; give the folder of the checkpoint");
    checkpoint.files_.push_back(path);
    return checkpoint;
  }
  const fs::path config_file = path / "config.json";
  if (!is_there(config_file)) fail(path.string() + ": has no config.json; is it a model's folder?");
  Checkpoint checkpoint(path, Config::parse(read_text(config_file), config_file.string()));
  checkpoint.files_.push_back(config_file);
  const fs::path single = path / "model.safetensors";
  const fs::path index = path / "model.safetensors.index.json";
  if (is_there(single)) {
    checkpoint.files_.push_back(single);
    checkpoint.tensors_ = SafetensorsFile::open(single).tensors();
  } else if (is_there(index)) {
    checkpoint.files_.push_back(index);
    checkpoint.tensors_ = read_shards(path, index, &checkpoint.files_);
  } else {
    no_weights(path);
  }
  return checkpoint;
}

}  // namespace crossload

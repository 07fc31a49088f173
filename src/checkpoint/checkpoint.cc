#include "checkpoint/checkpoint.h"

#include <algorithm>
#include <functional>
#include <set>

#include "bytes/mapped_file.h"
#include "checkpoint/foreign.h"
#include "checkpoint/pytorch_file.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/sentence_modules.h"
#include "checkpoint/shard_index.h"
#include "checkpoint/weight_files.h"
#include "crossload/error.h"

namespace crossload::checkpoint {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kGoldenPrefix = "weight.";

[[noreturn]] void fail(const std::string& message) { throw Error(ErrorKind::kBadInput, message); }

/// False only when nothing has this name. What the system refuses to look at counts as there: opening it says why.
bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::status(path, ignored).type() != fs::file_type::not_found;
}

using Tensors = std::map<std::string, tensor::TensorView>;
/// The tensors of one file.
using Reader = std::function<Tensors(const fs::path&)>;

Tensors read_safetensors(const fs::path& path) { return SafetensorsFile::open(path).tensors(); }

Tensors read_pytorch(const fs::path& path) { return PyTorchFile::open(path).tensors(); }

Tensors read_shards(const fs::path& folder, const fs::path& index, const Reader& read, std::vector<fs::path>* files) {
  const std::map<std::string, std::string> weight_map = read_shard_index(index);
  std::set<std::string> shards;
  for (const auto& [key, shard] : weight_map) shards.insert(shard);
  Tensors tensors;
  for (const std::string& shard : shards) {
    const fs::path path = folder / shard;
    if (!is_there(path)) {
      fail(index.string() + ": names the shard " + shard + ", which is not there; download the folder again");
    }
    files->push_back(path);
    for (const auto& [key, view] : read(path)) {
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

/// What a user meets who points at a folder without weights that are read here.
[[noreturn]] void no_weights(const fs::path& folder) {
  refuse_foreign_folder(folder);
  fail(folder.string() +
       ": has neither model.safetensors nor model.safetensors.index.json, and no pytorch_model.bin either");
}

}  // namespace

Checkpoint Checkpoint::open(const fs::path& whole) {
  if (!is_there(whole)) fail(whole.string() + ": no such file or folder");
  std::error_code ignored;
  const bool is_folder = fs::is_directory(whole, ignored);
  const fs::path path = is_folder ? transformer_folder(whole) : whole;
  if (!is_folder) {
    const SafetensorsFile golden = SafetensorsFile::open(path);
    const auto config = golden.metadata().find("config");
    if (config == golden.metadata().end()) {
      fail(path.string() + ": is a single file without a configuration; give the folder that holds config.json");
    }
    Checkpoint checkpoint(path, path, Config::parse(config->second, path.string() + " (config)"));
    Tensors tensors;
    for (const auto& [key, view] : golden.tensors()) {
      if (key.starts_with(kGoldenPrefix)) tensors.emplace(key.substr(kGoldenPrefix.size()), view);
    }
    if (tensors.empty()) fail(path.string() + ": holds no weights; give the folder of the checkpoint");
    checkpoint.tensors_ = NamedTensors(std::move(tensors));
    checkpoint.files_.push_back(path);
    return checkpoint;
  }
  const fs::path config_file = path / "config.json";
  if (!is_there(config_file)) {
    refuse_foreign_folder(path);
    fail(path.string() + ": has no config.json; is it a model's folder?");
  }
  Checkpoint checkpoint(whole, path, Config(read_json(config_file)));
  refuse_foreign_config(checkpoint.config_, config_file.string());
  checkpoint.files_.push_back(config_file);
  const auto read_from = [&](const std::string& name, const Reader& read) {
    const fs::path single = path / name;
    const fs::path index = path / index_of(name);
    if (is_there(single)) {
      checkpoint.files_.push_back(single);
      checkpoint.tensors_ = NamedTensors(read(single));
    } else if (is_there(index)) {
      checkpoint.files_.push_back(index);
      checkpoint.tensors_ = NamedTensors(read_shards(path, index, read, &checkpoint.files_));
    } else {
      return false;
    }
    return true;
  };
  // TensorFlow's safetensors beside PyTorch's .bin are no PyTorch weights.
  const auto is_tensorflow = [&](const std::string& name) { return is_tensorflow_safetensors(path / name); };
  const bool has_bin = is_there(path / kPyTorchBinWeights) || is_there(path / index_of(kPyTorchBinWeights));
  const bool is_theirs =
      is_tensorflow(is_there(path / kSafetensorsWeights) ? kSafetensorsWeights : index_of(kSafetensorsWeights));
  if (is_theirs && !has_bin) {
    fail(path.string() +
         ": its safetensors are TensorFlow's, and there are no weights of PyTorch's; --model-name takes the PyTorch "
         "checkpoint, `crossload compare` judges what is TensorFlow's already");
  }
  if (is_theirs || !read_from(kSafetensorsWeights, read_safetensors)) {
    if (!read_from(kPyTorchBinWeights, read_pytorch)) no_weights(path);
  }
  const std::size_t prefix = wrapper_prefix(checkpoint.tensors()).size();
  if (prefix > 0) checkpoint.tensors_.rename([&](const std::string& name) { return name.substr(prefix); });
  refuse_foreign_tensors(checkpoint.tensors_, path.string());
  checkpoint.tensors_.rename(name_of_today);
  return checkpoint;
}

std::vector<fs::path> Checkpoint::code_files() const {
  std::vector<fs::path> files;
  if (!config_.has("auto_map") || !fs::is_directory(folder_)) return files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_)) {
    if (entry.path().extension() == ".py" && entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace crossload::checkpoint

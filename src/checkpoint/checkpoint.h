// A PyTorch checkpoint: config.json and named tensors.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "checkpoint/config.h"
#include "checkpoint/named_tensors.h"

namespace crossload::checkpoint {

/// What a folder with config.json and weights holds: the first there is of model.safetensors,
/// model.safetensors.index.json with its shards, pytorch_model.bin, pytorch_model.bin.index.json with its shards. Files
/// are mapped, nothing is copied but what pytorch_file.h says. Keys are without "module." and "_orig_mod." in front of
/// all, and those of today (name_of_today). A golden (one safetensors file with `weight.*` tensors and the
/// configuration in its metadata) opens as a checkpoint too.
class Checkpoint {
 public:
  /// Throws Error(kBadInput) that says which file is missing or wrong, and what a folder holds instead; Error
  /// (kUnsupported) for weights that are quantized, pruned, or an adapter's.
  static Checkpoint open(const std::filesystem::path& path);

  const Config& config() const { return config_; }
  const std::map<std::string, tensor::TensorView>& tensors() const { return tensors_.tensors(); }
  const NamedTensors& named_tensors() const { return tensors_; }
  /// The folder; the golden itself when it is one file.
  const std::filesystem::path& path() const { return path_; }
  /// Where config.json and the weights are: path(), or the transformer's folder below it where sentence-transformers has
  /// put it there.
  const std::filesystem::path& folder() const { return folder_; }
  /// Every file whose bytes were read, config.json first.
  const std::vector<std::filesystem::path>& files() const { return files_; }
  /// The Python files beside config.json, by name, where it says that classes are in them ("auto_map").
  std::vector<std::filesystem::path> code_files() const;

 private:
  Checkpoint(const std::filesystem::path& path, std::filesystem::path folder, Config config)
      : path_(path), folder_(std::move(folder)), config_(std::move(config)) {}

  std::filesystem::path path_;
  std::filesystem::path folder_;
  Config config_;
  NamedTensors tensors_;
  std::vector<std::filesystem::path> files_;
};

}  // namespace crossload::checkpoint

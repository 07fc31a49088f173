// A PyTorch checkpoint's folder for a test.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "bytes/json.h"
#include "checkpoint/checkpoint.h"
#include "goldens.h"
#include "test_support.h"

namespace crossload {

inline void write_safetensors(const std::filesystem::path& path,
                              const std::map<std::string, tensor::TensorView>& tensors) {
  bytes::Json header = bytes::Json::object();
  bytes::Json metadata = bytes::Json::object();
  metadata.set("format", "pt");
  header.set("__metadata__", metadata);
  std::string data;
  for (const auto& [name, view] : tensors) {
    bytes::Json entry = bytes::Json::object();
    entry.set("dtype", std::string(name_of(view.dtype)));
    bytes::Json shape = bytes::Json::array();
    for (const std::int64_t size : view.shape) shape.push_back(size);
    entry.set("shape", shape);
    bytes::Json offsets = bytes::Json::array();
    offsets.push_back(data.size());
    data.append(reinterpret_cast<const char*>(view.bytes.data()), view.bytes.size());
    offsets.push_back(data.size());
    entry.set("data_offsets", offsets);
    header.set(name, entry);
  }
  write_file(path, safetensors_bytes(header.dump(), data));
}

/// The checkpoint inside a golden, as PyTorch saves it.
inline std::filesystem::path make_checkpoint(const std::filesystem::path& folder,
                                             const std::string& golden = "bert_model", bool sharded = false) {
  const checkpoint::Checkpoint source = checkpoint::Checkpoint::open(golden_path(golden));
  std::filesystem::create_directories(folder);
  write_file(folder / "config.json", source.config().json().dump_pretty());
  write_file(folder / "vocab.txt", golden);
  if (!sharded) {
    write_safetensors(folder / "model.safetensors", source.tensors());
    return folder;
  }
  std::map<std::string, tensor::TensorView> parts[2];
  bytes::Json map = bytes::Json::object();
  for (const auto& [name, view] : source.tensors()) {
    const std::size_t part = name < "encoder" ? 0 : 1;
    parts[part].emplace(name, view);
    map.set(name, "model-0000" + std::to_string(part + 1) + "-of-00002.safetensors");
  }
  for (const std::size_t part : {0, 1}) {
    write_safetensors(folder / ("model-0000" + std::to_string(part + 1) + "-of-00002.safetensors"), parts[part]);
  }
  bytes::Json index = bytes::Json::object();
  index.set("metadata", bytes::Json::object());
  index.set("weight_map", map);
  write_file(folder / "model.safetensors.index.json", index.dump_pretty());
  return folder;
}

}  // namespace crossload

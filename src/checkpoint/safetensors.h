// The safetensors format, read.
//
//   bytes 0..7    N, the size of the header, little-endian
//   bytes 8..8+N  a JSON object: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, ...,
//                 "__metadata__": {"key": "text", ...}}
//   the rest      the data; offsets count from here, and cover it without gaps or overlaps
//
//   auto file = SafetensorsFile::open("model.safetensors");
//   const TensorView& weight = file.tensors().at("embeddings.word_embeddings.weight");
//
// Source: the format's description in the README of huggingface/safetensors.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>

#include "tensor/tensor_view.h"

namespace crossload::checkpoint {

/// The header's limit in bytes, the same as in the reference implementation (MAX_HEADER_SIZE).
inline constexpr std::size_t kMaxSafetensorsHeader = 100'000'000;

class SafetensorsFile {
 public:
  /// Maps the file and checks the whole header: sizes, types, offsets, gaps and overlaps. Throws Error(kBadInput).
  static SafetensorsFile open(const std::filesystem::path& path);
  /// The same for bytes in memory; `where` begins the errors.
  static SafetensorsFile parse(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                               const std::string& where);

  const std::map<std::string, tensor::TensorView>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

 private:
  std::map<std::string, tensor::TensorView> tensors_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace crossload::checkpoint

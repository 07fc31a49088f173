// The safetensors format, written. The bytes are described in checkpoint/safetensors.h; what a writer decides is done
// as in the reference implementation: tensors of wider types first, then by name; the header without blanks, metadata
// first, padded by blanks to a multiple of 8 bytes, so that every tensor is aligned.
//
//   write_safetensors("trace.safetensors", {{"input.ids", DType::kI64, {1, 3}, [&](const ByteSink& put) { put(bytes);
//   }}},
//                     {{"seed", "0"}});
//
// A TensorFlow model's model.safetensors holds float32 variables under their keys (see variable_names.h), shared ones
// once, and the metadata {"format": "tf"}.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crossload/dtype.h"
#include "export/weights.h"
#include "keras/variable.h"

namespace crossload::exporting {

struct TensorToWrite {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;
  /// Passes all bytes of the tensor, row-major and little-endian, to the sink, in as many pieces as it likes.
  std::function<void(const ByteSink&)> produce;
};

/// Writes one file. Throws Error(kEnvironment) when the disk does not take it, and Error(kBadInput) for two tensors of
/// one name, for a header over the format's limit, and for a producer that passes another number of bytes.
void write_safetensors(const std::filesystem::path& path, std::vector<TensorToWrite> tensors,
                       const std::map<std::string, std::string>& metadata);

/// Writes model.safetensors into the folder, or shards of at most `max_shard_size` bytes and their index, as
/// save_pretrained(safe_serialization=True). `scope` is the scope of the model's class, such as "tf_bert_model".
/// Returns the names of the files.
std::vector<std::string> write_tf_safetensors(const std::filesystem::path& folder, std::string_view scope,
                                              const std::vector<keras::TopLayer>& layers, std::int64_t max_shard_size);

}  // namespace crossload::exporting

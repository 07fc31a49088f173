// TensorFlow's TensorBundle: the files of a SavedModel's variables and of a checkpoint.
//
//   variables.data-00000-of-00001   the bytes of the tensors, one after the other
//   variables.index                 a table of LevelDB (uncompressed) from key to a message of Protocol Buffers:
//     ""     BundleHeaderProto   num_shards = 1: 1, endianness = 2: little (0, not written), version = 3: {producer =
//     1: 1} "KEY"  BundleEntryProto    dtype = 1, shape = 2: {dim = 2: {size = 1}, ...}, shard_id = 3, offset = 4, size
//     = 5,
//                                crc32c = 6: masked, of the tensor's bytes
//
// A tensor of strings is: the lengths as varint64, the masked crc32c of the lengths (each as 4 bytes) in 4 bytes, the
// strings. Its entry's checksum covers the lengths as 4 bytes each, those 4 bytes of checksum, and the strings.
//
// Keys of a model's variables are "variables/0/.ATTRIBUTES/VARIABLE_VALUE"; the string "_CHECKPOINTABLE_OBJECT_GRAPH"
// holds a TrackableObjectGraph, which gives the full name that belongs to each key.
//
//   TensorBundleWriter writer("saved_model/variables/variables");
//   writer.add("variables/0/.ATTRIBUTES/VARIABLE_VALUE", {2, 3}, [&](const FloatSink& put) { put(values); });
//   writer.add_string("_CHECKPOINTABLE_OBJECT_GRAPH", graph);
//   writer.finish();
//
// Sources: tensorflow/core/util/tensor_bundle/tensor_bundle.cc, tensorflow/core/protobuf/tensor_bundle.proto and
// trackable_object_graph.proto of TensorFlow 2.21.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bytes/mapped_file.h"
#include "bytes/output_file.h"
#include "export/weights.h"
#include "tensor/tensor_view.h"

namespace crossload::exporting {

/// The key under which the object graph is stored.
inline constexpr std::string_view kObjectGraphKey = "_CHECKPOINTABLE_OBJECT_GRAPH";

struct BundleEntry {
  int dtype = 0;  // TensorFlow's DataType: DT_FLOAT is 1, DT_STRING is 7
  Shape shape;
  std::int64_t shard = 0;
  std::int64_t offset = 0;
  std::int64_t size = 0;
  std::uint32_t crc32c = 0;  // masked
  bool sliced = false;       // the parts of a partitioned variable are elsewhere

  /// False for strings, resources and whatever else is no DType.
  bool dtype_of_elements(DType* dtype_out) const;
};

/// Tensors may come in any order; their bytes are written as they come. Every failure of the disk is an
/// Error(kEnvironment) that names the file.
class TensorBundleWriter {
 public:
  /// Writes `prefix`.data-00000-of-00001 at once and `prefix`.index at the end. The folder must exist.
  explicit TensorBundleWriter(std::filesystem::path prefix);

  /// A tensor of float32, float16 or bfloat16, to which the elements are rounded. Throws Error(kBadInput) when the key
  /// is taken or the producer passes too few or too many elements.
  void add(const std::string& key, const Shape& shape, const FloatProducer& produce, DType dtype = DType::kF32);
  void add(const std::string& key, const keras::Variable& variable);
  /// A string scalar of less than 4 GiB.
  void add_string(const std::string& key, std::string_view value);
  void finish();

 private:
  BundleEntry& new_entry(const std::string& key);

  std::filesystem::path prefix_;
  bytes::OutputFile data_;
  std::map<std::string, BundleEntry> entries_;
};

/// Throws Error(kBadInput) that names the file and the key for everything that is not sound.
class TensorBundle {
 public:
  /// Reads the index, whose checksums are verified, and maps the data.
  static TensorBundle open(const std::filesystem::path& prefix);

  const std::map<std::string, BundleEntry>& entries() const { return entries_; }
  /// The mapped bytes of a numeric tensor; their checksum is verified by each call.
  tensor::TensorView tensor(const std::string& key) const;
  /// The value of a string scalar, its checksums verified.
  std::string string(const std::string& key) const;

  /// From key to full name, of the variables in the object graph: {"variables/0/...": "tf_bert_model/bert/.../kernel"}.
  std::map<std::string, std::string> variable_names() const;

 private:
  explicit TensorBundle(std::filesystem::path prefix) : prefix_(std::move(prefix)) {}
  const BundleEntry& entry(const std::string& key) const;
  /// The bytes of the entry; throws when they are not in the data.
  std::span<const std::byte> bytes_of(const std::string& key, const BundleEntry& entry) const;

  std::filesystem::path prefix_;
  std::map<std::string, BundleEntry> entries_;
  std::vector<std::shared_ptr<const bytes::MappedFile>> shards_;
};

}  // namespace crossload::exporting

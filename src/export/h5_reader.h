// Weight files of Keras and Transformers, read: tf_model.h5 and its shards, ours or theirs. Their layout is described
// in h5_writer.h. The datasets are found by walking the groups. No attribute is read, so the lists of names do not
// count: a corrupt attribute makes HDF5 1.10 read outside its memory.
//
//   const H5File file = H5File::open("tf_model.h5", H5Kind::kSingle);
//   std::vector<float> values(element_count(file.tensors().at(name).shape));
//   file.read(name, 0, values);
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "export/stored_weights.h"

namespace crossload::exporting {

enum class H5Kind {
  kSingle,  // groups of layers that hold datasets under their full names: tf_model.h5
  kShard,   // datasets under their keys: tf_model-00001-of-00002.h5
};

class H5File {
 public:
  /// Checks every dataset: contiguous, float16, float32 or float64, as many bytes as its shape needs, in this file (no
  /// links to others). Throws Error(kBadInput) that names the file and the object.
  static H5File open(const std::filesystem::path& path, H5Kind kind);
  ~H5File();
  H5File(H5File&&) noexcept;

  /// Shape and type by name: "tf_bert_model/bert/pooler/dense/bias:0", in a shard "bert/pooler/dense/bias:0".
  const std::map<std::string, StoredTensor>& tensors() const;

  /// The elements [first, first + out.size()) in row-major order, as float32. A variable in the groups of several
  /// layers must have the same values in all: anything else is Error(kBadInput).
  void read(const std::string& name, std::int64_t first, std::span<float> out) const;

 private:
  struct Contents;
  explicit H5File(std::unique_ptr<Contents> contents);

  std::unique_ptr<Contents> contents_;
};

}  // namespace crossload::exporting

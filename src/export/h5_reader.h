// Weight files of Keras and Transformers, read: tf_model.h5 and its shards, ours or theirs. Their layout is described
// in h5_writer.h. The datasets are found by walking the groups. The lists of names in attributes are not read: a
// corrupt string of variable length crashes HDF5 1.10.
//
//   const H5File file = H5File::open("tf_model.h5");
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

namespace crossload {

class H5File {
 public:
  /// Checks every dataset: contiguous, float16, float32 or float64, as many bytes as its shape needs, in this file (no
  /// links to others). Throws Error(kBadInput) that names the file and the object.
  static H5File open(const std::filesystem::path& path);
  ~H5File();
  H5File(H5File&&) noexcept;

  /// True when names are keys ("bert/pooler/dense/bias:0"), false when they are full names, in the group of their
  /// layer.
  bool is_shard() const;
  /// Shape and type by name, such as "tf_bert_model/bert/pooler/dense/bias:0".
  const std::map<std::string, StoredTensor>& tensors() const;

  /// The elements [first, first + out.size()) in row-major order, as float32. A variable in the groups of several
  /// layers must have the same values in all: anything else is Error(kBadInput).
  void read(const std::string& name, std::int64_t first, std::span<float> out) const;

 private:
  struct Contents;
  explicit H5File(std::unique_ptr<Contents> contents);

  std::unique_ptr<Contents> contents_;
};

}  // namespace crossload

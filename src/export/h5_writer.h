// tf_model.h5, written: the layout of Keras' save_weights as Transformers uses it.
//
//   /                             layer_names = [bert, classifier], backend = "tensorflow", keras_version = "2.21.0"
//   /bert                         weight_names = [tf_bert_model/bert/embeddings/word_embeddings/weight:0, ...]
//   /bert/tf_bert_model/bert/embeddings/word_embeddings/weight:0       one dataset a variable: contiguous float32
//   /top_level_model_weights      weight_names = []: variables that belong to no layer
//
// A variable that two layers reach is in both groups. An attribute over 64,512 bytes becomes weight_names0,
// weight_names1, ... A shard has no groups of layers; layer_names lists the datasets:
//
//   /                             layer_names = [bert/embeddings/word_embeddings/weight:0, ...], sorted
//   /bert/embeddings/word_embeddings/weight:0                          one dataset a variable, under its key
//
// Names are those of variable_names.h. Sources: save_weights_to_hdf5_group in tf_keras 2.21, save_pretrained in
// transformers 4.57.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "keras/variable.h"

namespace crossload::exporting {

/// A layer of this name holds the variables that belong to the model itself; it is not among the layer_names.
inline constexpr std::string_view kTopLevelWeights = "top_level_model_weights";

/// Writes tf_model.h5 into the folder, or shards of at most `max_shard_size` bytes and their index. `scope` is the
/// scope of the model's class, such as "tf_bert_model". Holds a piece of one variable in memory at a time. Returns the
/// names of the files. Throws Error(kEnvironment) when the disk does not take them.
std::vector<std::string> write_h5(const std::filesystem::path& folder, std::string_view scope,
                                  const std::vector<keras::TopLayer>& layers, std::int64_t max_shard_size);

}  // namespace crossload::exporting

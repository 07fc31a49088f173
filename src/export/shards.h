// Weight files in several parts, as Transformers splits them.
//
//   tf_model-00001-of-00002.h5, tf_model-00002-of-00002.h5    the shards, each with some of the variables
//   tf_model.h5.index.json                                    {"metadata": {"total_size": BYTES},
//                                                              "weight_map": {"FULL NAME:0": "SHARD'S FILE", ...}}
//
// and the same for model.safetensors. Source: tf_shard_checkpoint and save_pretrained in transformers 4.57.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "crossload/shard_size.h"
#include "keras/variable.h"

namespace crossload::exporting {

/// The default of --max-shard-size.
inline constexpr std::int64_t kDefaultMaxShardSize = 10'000'000'000;

/// Cuts the variables, in their order, before each one with which a part would exceed `max_size` bytes. No part is
/// empty (but for the only one of no variables); a variable larger than the limit has a part of its own.
std::vector<std::vector<const keras::Variable*>> plan_shards(const std::vector<const keras::Variable*>& variables,
                                                             std::int64_t max_size);

/// "tf_model.h5", 0, 2 -> "tf_model-00001-of-00002.h5".
std::string shard_file_name(std::string_view file_name, std::size_t index, std::size_t count);

/// Writes one shard with some of the variables of a model in the scope of its class.
using ShardWriter = std::function<void(const std::filesystem::path& file, std::string_view scope,
                                       const std::vector<const keras::Variable*>& variables)>;

/// Writes the shards by `write` and then their index. Returns the names of the files.
std::vector<std::string> write_shards(const std::filesystem::path& folder, std::string_view file_name,
                                      std::string_view scope,
                                      const std::vector<std::vector<const keras::Variable*>>& shards,
                                      const ShardWriter& write);

}  // namespace crossload::exporting

// The index of weights in several files: which tensor lies in which. Both frameworks write the same form.
//
//   {"metadata": {"total_size": 438000000}, "weight_map": {"encoder.weight": "model-00001-of-00002.safetensors", ...}}
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "bytes/json.h"

namespace crossload::checkpoint {

/// The weight_map: the name of each tensor and its file, a plain name in the index's folder. Throws Error(kBadInput), also
/// for a name that leads anywhere else: an index from somebody else must not reach outside its folder.
std::map<std::string, std::string> read_shard_index(const std::filesystem::path& index);

/// A document of JSON. Throws Error(kBadInput) that says what is there instead, such as a page of HTML.
bytes::Json read_json(const std::filesystem::path& file);

}  // namespace crossload::checkpoint

// What people give that is no checkpoint of PyTorch's, known by its first bytes, its names or the files beside it, and
// what to do about it. Nothing here is needed to read a sound checkpoint: it makes errors name the cause.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "checkpoint/config.h"
#include "checkpoint/named_tensors.h"

namespace crossload::checkpoint {

/// "it is a pointer of Git LFS, not the file itself; run `git lfs pull` in its folder"; empty when the bytes say
/// nothing. For files that turned out not to be what their name says.
std::string foreign_file(std::span<const std::byte> bytes);

/// Throws Error(kUnsupported) for a configuration whose weights are quantized or whose heads were pruned away.
void refuse_foreign_config(const Config& config, const std::string& where);

/// Throws Error(kUnsupported) for tensors that a quantizer, a pruner or an adapter (LoRA) left, by their names in the
/// file.
void refuse_foreign_tensors(const NamedTensors& tensors, const std::string& where);

/// Throws Error(kBadInput) or Error(kUnsupported) that says what a folder holds that has no config.json, or no weights
/// of PyTorch's: an adapter, another framework's model, a variant, a trainer's folders. Returns when nothing is known.
void refuse_foreign_folder(const std::filesystem::path& folder);

}  // namespace crossload::checkpoint

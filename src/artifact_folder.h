// What goes into an artifact's folder besides the weights, and what may be replaced there.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "crossload/convert.h"

namespace crossload {

/// Throws Error(kUsage) when the folder holds TensorFlow weights and `new_weights` is false, or when writing would
/// replace a file that is not ours (a PyTorch model.safetensors).
void check_target(const ConvertOptions& options);

/// True for a file of the target that a conversion leaves there: everything but what conversions write.
bool is_kept(const std::filesystem::path& relative);

/// The names of the files that write_companions copies.
std::span<const std::string_view> companion_names();

/// Writes config.json (with `architecture` as its one architecture), and copies the tokenizer's and processors' files
/// of the folder `source`.
void write_companions(const std::filesystem::path& source, const Config& config, const std::string& architecture,
                      const std::filesystem::path& folder);

/// Every file below the folder, relative to it, sorted.
std::vector<std::string> files_below(const std::filesystem::path& folder);

}  // namespace crossload

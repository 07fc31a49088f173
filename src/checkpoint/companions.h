// What belongs to a model beside its weights: config.json, and the files of tokenizers and processors.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "checkpoint/config.h"

namespace crossload::checkpoint {

/// The files that tokenizers and processors of Transformers save, and generation_config.json.
std::span<const std::string_view> companion_names();

/// What sentence-transformers adds to a transformer's folder; the folders of its modules have a config.json each.
std::span<const std::string_view> sentence_names();

/// config.json, a companion, one of sentence_names(), or "1_Pooling/config.json".
bool is_config_or_companion(std::string_view file);

/// config.json for Transformers 4, with `architecture` as its one architecture, and `model_type` where it has none:
/// `original`, its text, where it says just that already.
std::string config_text(const Config& config, const std::string& architecture, const std::string& model_type,
                        const std::string& original);

}  // namespace crossload::checkpoint

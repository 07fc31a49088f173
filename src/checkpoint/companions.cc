#include "checkpoint/companions.h"

#include <algorithm>
#include <array>
#include <vector>

namespace crossload::checkpoint {
namespace {

constexpr std::array<std::string_view, 22> kCompanions = {
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
    "generation_config.json",
    "image_processor.json",
    "merges.txt",
    "preprocessor_config.json",
    "processor_config.json",
    "sentencepiece.bpe.model",
    "sentencepiece.model",
    "source.spm",
    "special_tokens_map.json",
    "spiece.model",
    "spm.model",
    "target.spm",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "video_preprocessor_config.json",
    "vocab.json",
    "vocab.txt",
    "bpe.codes",
};

}  // namespace

std::span<const std::string_view> companion_names() { return kCompanions; }

bool is_config_or_companion(std::string_view file) {
  return file == "config.json" || std::find(kCompanions.begin(), kCompanions.end(), file) != kCompanions.end();
}

std::string config_text(const Config& config, const std::string& architecture, const std::string& model_type,
                        const std::string& original) {
  const bool is_named = config.architectures() == std::vector<std::string>{architecture} && config.has("model_type");
  if (!original.empty() && !config.is_changed() && is_named) return original;
  bytes::Json changed = bytes::Json::object();
  for (const auto& [name, value] : config.json().members()) changed.set(name, value);
  bytes::Json architectures = bytes::Json::array();
  architectures.push_back(architecture);
  changed.set("architectures", architectures);
  if (!config.has("model_type")) changed.set("model_type", model_type);
  return changed.dump_pretty();
}

}  // namespace crossload::checkpoint

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

constexpr std::array<std::string_view, 3> kOfSentences = {
    "config_sentence_transformers.json",
    "modules.json",
    "sentence_bert_config.json",
};

/// "1_Pooling/config.json"
bool is_of_module(std::string_view file) {
  const std::size_t number = file.find_first_not_of("0123456789");
  return number != 0 && number != std::string_view::npos && file[number] == '_' &&
         file.substr(std::min(file.size(), file.find('/'))) == "/config.json";
}

bool has(std::span<const std::string_view> names, std::string_view file) {
  return std::find(names.begin(), names.end(), file) != names.end();
}

}  // namespace

std::span<const std::string_view> companion_names() { return kCompanions; }

std::span<const std::string_view> sentence_names() { return kOfSentences; }

bool is_config_or_companion(std::string_view file) {
  return file == "config.json" || has(kCompanions, file) || has(kOfSentences, file) || is_of_module(file);
}

std::string config_text(const Config& config, const std::string& architecture, const std::string& model_type,
                        const std::string& original) {
  const bool is_named = config.architectures() == std::vector<std::string>{architecture} && config.has_model_type();
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

#include "artifact_folder.h"

#include <algorithm>
#include <array>

#include "checkpoint/safetensors.h"
#include "crossload/error.h"
#include "export/output_file.h"

namespace crossload {
namespace {

namespace fs = std::filesystem;

/// The files that tokenizers and processors of Transformers save, beside generation_config.json.
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

bool holds_tensorflow(const fs::path& folder) {
  return fs::exists(folder / "tf_model.h5") || fs::exists(folder / "tf_model.h5.index.json") ||
         fs::exists(folder / "saved_model") || fs::exists(folder / "crossload.json");
}

bool is_foreign_safetensors(const fs::path& file) {
  if (!fs::exists(file)) return false;
  const SafetensorsFile weights = SafetensorsFile::open(file);
  const auto format = weights.metadata().find("format");
  return format == weights.metadata().end() || format->second != "tf";
}

}  // namespace

std::span<const std::string_view> companion_names() { return kCompanions; }

void check_target(const ConvertOptions& options) {
  const fs::path& folder = options.output;
  if (!fs::exists(folder)) return;
  if (!fs::is_directory(folder)) {
    throw Error(ErrorKind::kUsage, folder.string() + ": is a file; give a folder with --output");
  }
  if (!options.new_weights && holds_tensorflow(folder)) {
    throw Error(ErrorKind::kUsage, folder.string() +
                                       ": holds TensorFlow weights already; give --new-weights to replace them, or "
                                       "another folder with --output");
  }
  if (options.formats.contains(Format::kSafetensors) &&
      (is_foreign_safetensors(folder / "model.safetensors") || fs::exists(folder / "model.safetensors.index.json"))) {
    throw Error(ErrorKind::kUsage, folder.string() +
                                       ": holds PyTorch's model.safetensors, which would be replaced; leave "
                                       "safetensors out of --formats, or give another folder with --output");
  }
}

bool is_kept(const fs::path& relative) {
  const std::string first = relative.begin()->string();
  return first != "saved_model" && first != "crossload.json" && !first.starts_with("tf_model");
}

void write_companions(const fs::path& source_folder, const Config& config, const std::string& architecture,
                      const fs::path& folder) {
  const fs::path original = source_folder / "config.json";
  if (config.architectures() == std::vector<std::string>{architecture} && fs::exists(original)) {
    write_file(folder / "config.json", read_text(original));
  } else {
    Json changed = Json::object();
    for (const auto& [name, value] : config.json().members()) changed.set(name, value);
    Json architectures = Json::array();
    architectures.push_back(architecture);
    changed.set("architectures", architectures);
    write_file(folder / "config.json", changed.dump_pretty());
  }
  for (std::string_view name : kCompanions) {
    const fs::path source = source_folder / name;
    std::error_code ignored;
    if (!fs::is_regular_file(source, ignored)) continue;
    std::error_code error;
    fs::copy_file(source, folder / name, error);
    if (error) throw Error(ErrorKind::kEnvironment, source.string() + ": cannot be copied: " + error.message());
  }
}

std::vector<std::string> files_below(const fs::path& folder) {
  std::vector<std::string> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(fs::relative(entry.path(), folder).string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace crossload

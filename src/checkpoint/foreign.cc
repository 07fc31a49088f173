#include "checkpoint/foreign.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <vector>

#include "bytes/some_of.h"
#include "crossload/error.h"

namespace crossload::checkpoint {
namespace {

constexpr const char* kMerge =
    "which is no whole model; in Python, merge it into its base with peft's merge_and_unload() and save that";

[[noreturn]] void not_supported(const std::string& where, const std::string& why) {
  throw Error(ErrorKind::kUnsupported, where + ": " + why);
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  return result;
}

/// The first bytes as text without what blanks come first.
std::string_view first_text(std::span<const std::byte> bytes) {
  constexpr std::size_t kLooked = 512;
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), std::min(bytes.size(), kLooked));
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin);
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= 0x20 && c < 0x7f) || c == '\n' || c == '\r' || c == '\t'; });
}

/// 8 bytes of a length that fits, then an object.
bool looks_like_safetensors(std::span<const std::byte> bytes) {
  constexpr std::size_t kLength = 8;
  if (bytes.size() < kLength + 2 || bytes[kLength] != std::byte{'{'}) return false;
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), kLength);
  return length >= 2 && length <= bytes.size() - kLength;
}

struct Mark {
  std::string_view text;
  const char* what;
};

/// What quantizers add to a tensor's name: bitsandbytes, GPTQ and AWQ, compressed-tensors, torch.ao.
constexpr std::array<std::string_view, 11> kQuantized = {
    ".SCB",          ".weight_format", ".weight.absmax",  ".weight.quant_map", ".qweight",         ".qzeros",
    ".weight_scale", ".weight_packed", "._packed_params", ".scale_inv",        ".weight_scale_inv"};
constexpr std::array<std::string_view, 5> kAdapters = {".lora_A", ".lora_B", ".lora_embedding_", ".lora_magnitude_",
                                                       ".adapters."};
constexpr std::string_view kPruned = "_orig";
constexpr std::string_view kMask = "_mask";

std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (std::filesystem::directory_iterator at(folder, ignored), end; !ignored && at != end; at.increment(ignored)) {
    names.push_back(at->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

std::string foreign_file(std::span<const std::byte> bytes) {
  if (bytes.empty()) return "it is empty; download it again";
  const std::string_view raw(reinterpret_cast<const char*>(bytes.data()), std::min<std::size_t>(bytes.size(), 512));
  const std::string_view text = first_text(bytes);
  const std::string start = lower(text.substr(0, 64));
  if (text.starts_with("version https://git-lfs")) {
    return "it is a pointer of Git LFS, not the file itself; run `git lfs pull` in its folder, or download it again";
  }
  if (start.starts_with("<!doctype html") || start.starts_with("<html") || start.starts_with("<head")) {
    return "it is a web page (HTML), as a failed download leaves one; download the file itself, with a token where "
           "the model is private or gated";
  }
  if (text.starts_with("<?xml")) return "it is an XML document, as a server's refusal is; download the file again";
  constexpr Mark kMagic[] = {
      {"\x89HDF\r\n", "it is an HDF5 file, as TensorFlow's tf_model.h5 is; give the checkpoint of PyTorch"},
      {"GGUF", "it is a GGUF file of llama.cpp; give the checkpoint that it was made from"},
      {"PK\x03\x04",
       "it is a zip archive, as torch.save writes; name it pytorch_model.bin, or, where torch.export.save wrote it, "
       ".pt2, which pt-to-tf, compare and verify-certificate take"},
      {"\x80\x02", "it is a pickle, as PyTorch before 1.6 saved; name it pytorch_model.bin"},
      {"\x1f\x8b", "it is packed by gzip; unpack it first"},
      {"\xfd"
       "7zXZ",
       "it is packed by xz; unpack it first"},
      {"\x28\xb5\x2f\xfd", "it is packed by zstd; unpack it first"},
      {"\x93NUMPY", "it is a NumPy array; give the checkpoint of PyTorch"},
  };
  for (const Mark& mark : kMagic) {
    if (raw.starts_with(mark.text)) return mark.what;
  }
  if (looks_like_safetensors(bytes)) return "it is a safetensors file; name it model.safetensors";
  constexpr std::size_t kManyZeros = 64;
  if (raw.size() >= kManyZeros && std::all_of(raw.begin(), raw.end(), [](char c) { return c == 0; })) {
    return "its first bytes are all zero, as an unfinished download leaves them; download it again";
  }
  if (!text.empty() && is_printable(text)) {
    constexpr std::size_t kShown = 40;
    const std::string_view line = text.substr(0, std::min(text.find_first_of("\r\n"), text.size()));
    return "it is text that begins with \"" + std::string(line.substr(0, kShown)) +
           (line.size() > kShown ? "..." : "") + "\"; download it again";
  }
  return "";
}

void refuse_foreign_config(const Config& config, const std::string& where) {
  for (const char* field : {"quantization_config", "compression_config"}) {
    if (!config.has(field)) continue;
    const bytes::Json value = config.json().at(field);
    const bytes::Json method = value.contains("quant_method") ? value.at("quant_method") : bytes::Json();
    not_supported(where, std::string(field) + " is not supported: the weights are quantized" +
                             (method.is_string() ? " by " + method.as_string() : "") +
                             "; give the checkpoint that they were made from, or in Python load it, call the model's "
                             "dequantize() and save_pretrained() that");
  }
  if (config.has("pruned_heads") && config.json().at("pruned_heads").size() > 0) {
    not_supported(where,
                  "pruned_heads is not supported: TensorFlow's classes have as many heads in every layer; give the "
                  "checkpoint before it was pruned");
  }
}

void refuse_foreign_tensors(const NamedTensors& tensors, const std::string& where) {
  std::vector<std::string> quantized, adapters, pruned;
  for (const auto& [name, view] : tensors.tensors()) {
    const std::string& key = tensors.in_file(name);
    const auto ends = [&](std::string_view mark) { return key.ends_with(mark); };
    const auto holds = [&](std::string_view mark) { return key.find(mark) != std::string::npos; };
    if (std::any_of(kQuantized.begin(), kQuantized.end(), ends)) quantized.push_back(key);
    if (std::any_of(kAdapters.begin(), kAdapters.end(), holds)) adapters.push_back(key);
    if (ends(kPruned) && tensors.tensors().contains(name.substr(0, name.size() - kPruned.size()) + std::string(kMask)))
      pruned.push_back(key);
  }
  if (!adapters.empty()) {
    not_supported(where, "holds the tensors of an adapter (LoRA), " + bytes::some_of(adapters) + ", " + kMerge);
  }
  if (!quantized.empty()) {
    not_supported(where, "its weights are quantized, as " + bytes::some_of(quantized) +
                             " say; give the checkpoint that they were made from, or in Python load it, call the "
                             "model's dequantize() and save_pretrained() that");
  }
  if (!pruned.empty()) {
    not_supported(where, "its weights are being pruned by torch.nn.utils.prune, as " + bytes::some_of(pruned) +
                             " say; in Python, end it with prune.remove(module, \"weight\") for each, and save again");
  }
}

void refuse_foreign_folder(const std::filesystem::path& folder) {
  const std::vector<std::string> names = names_in(folder);
  const std::string where = folder.string();
  const auto has = [&](std::string_view name) { return std::find(names.begin(), names.end(), name) != names.end(); };
  const auto bad = [&](const std::string& what) { throw Error(ErrorKind::kBadInput, where + ": " + what); };
  /// The last name that begins and ends so; empty when none does.
  const auto like = [&](std::string_view begin, std::string_view end) {
    for (auto name = names.rbegin(); name != names.rend(); ++name) {
      if (name->size() >= begin.size() + end.size() && name->starts_with(begin) && name->ends_with(end)) return *name;
    }
    return std::string();
  };
  if (has("adapter_config.json")) not_supported(where, std::string("holds an adapter (LoRA), ") + kMerge);
  if (has("model_index.json"))
    bad("is a pipeline of several models (model_index.json); give the folder of one, such as " + where +
        "/text_encoder");
  if (has("snapshots") && has("blobs"))
    bad("is a folder of the Hub's cache; give one of " + where + "/snapshots/, or the model's name");
  for (const auto& [suffix, kind] :
       {std::pair<std::string, std::string>{".safetensors", "model."}, {".bin", "pytorch_model."}}) {
    const std::string file = like(kind, suffix);
    if (file.empty() || file.size() <= kind.size() + suffix.size()) continue;
    const std::string variant = file.substr(kind.size(), file.size() - kind.size() - suffix.size());
    bad("has weights of the variant \"" + variant + "\" alone (" + file + "); in a copy of the folder, name it " +
        kind + suffix.substr(1));
  }
  for (const char* index : {"model.safetensors.index.", "pytorch_model.bin.index."}) {
    if (const std::string file = like(index, ".json"); !file.empty() && file != std::string(index) + "json")
      bad("has weights of a variant alone (" + file + "); in a copy of the folder, name that " + index + "json");
  }
  if (has("zero_to_fp32.py"))
    bad("holds DeepSpeed's parts of a checkpoint; run `python zero_to_fp32.py . pytorch_model.bin` in it first");
  if (has(".metadata") && !like("__", ".distcp").empty())
    bad("holds FSDP's parts of a checkpoint (*.distcp); merge them with `accelerate merge-weights` first");
  if (const std::string file = like("pytorch_model_fsdp", ".bin"); !file.empty())
    bad("has " + file + ", which FSDP saved; name it pytorch_model.bin");
  if (has("saved_model.pb"))
    bad("is a SavedModel of TensorFlow; --model-name takes the PyTorch checkpoint, `crossload compare` judges what is "
        "TensorFlow's already");
  if (const std::string file = like("tf_model", ""); !file.empty())
    bad("holds TensorFlow's weights (" + file +
        ") and none of PyTorch's; --model-name takes the PyTorch checkpoint, `crossload compare` judges what is "
        "TensorFlow's already");
  if (const std::string file = like("flax_model", ""); !file.empty())
    bad("holds Flax's weights (" + file +
        ") alone; in Python, load them with from_flax=True and save_pretrained() that");
  if (const std::string file = like("", ".ckpt.index"); !file.empty())
    bad("holds a checkpoint of TensorFlow 1 (" + file +
        "); in Python, load it with from_tf=True and save_pretrained()");
  for (const auto& [end, kind] : {std::pair<const char*, const char*>{".gguf", "of llama.cpp"},
                                  {".onnx", "of ONNX"},
                                  {".ot", "of rust-bert"},
                                  {".msgpack", "of Flax"},
                                  {".tflite", "of LiteRT"},
                                  {".mlmodel", "of Core ML"}}) {
    if (const std::string file = like("", end); !file.empty())
      bad("holds a model " + std::string(kind) + " (" + file + ") alone; give the checkpoint of PyTorch");
  }
  if (const std::string file = like("", ".ckpt"); !file.empty())
    bad("has " + file + ", as Lightning saves it; in Python, load it into the model and save_pretrained() that");
  for (const char* end : {".pt", ".pth", ".safetensors", ".bin"}) {
    const std::string file = like("", end);
    if (file.empty() || file == "model.safetensors" || file == "pytorch_model.bin" || file == "training_args.bin" ||
        file == "optimizer.pt" || file == "scheduler.pt" || file == "optimizer.bin" || file == "scheduler.bin" ||
        file.starts_with("rng_state") || file.starts_with("model-") || file.starts_with("pytorch_model-"))
      continue;
    bad("has " + file + ", and none of the names that Transformers reads; if it is the model's state_dict, name it " +
        (std::string_view(end) == ".safetensors" ? "model.safetensors" : "pytorch_model.bin"));
  }
  if (const std::string part = like("checkpoint-", ""); !part.empty())
    bad("holds a trainer's checkpoints; give one of them, such as " + where + "/" + part);
  if (has("0_Transformer")) bad("is a model of Sentence Transformers; give its folder " + where + "/0_Transformer");
  if (const std::string part = like("", ".incomplete"); !part.empty())
    bad("has " + part + ", an unfinished download; download it again");
}

}  // namespace crossload::checkpoint

#include "crossload/inspect.h"

#include <algorithm>
#include <limits>
#include <map>
#include <sstream>

#include "artifact/artifact_folder.h"
#include "bytes/json.h"
#include "checkpoint/pytorch_file.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/weight_files.h"
#include "crossload/error.h"
#include "export/stored_weights.h"
#include "load/loaded_model.h"

namespace crossload {

extern const char verified_goldens[];  // tests/goldens/verified/*.jsonl

namespace {

namespace fs = std::filesystem;

Inspected from_stored(const exporting::StoredWeights& stored, const std::string& kind) {
  Inspected result;
  result.kind = kind;
  for (const auto& [name, tensor] : stored.tensors()) result.tensors.push_back({name, tensor.dtype, tensor.shape});
  return result;
}

Inspected from_safetensors(const fs::path& path) {
  const checkpoint::SafetensorsFile file = checkpoint::SafetensorsFile::open(path);
  Inspected result;
  result.kind = "safetensors";
  for (const auto& [key, value] : file.metadata()) result.metadata.emplace_back(key, value);
  for (const auto& [name, view] : file.tensors()) result.tensors.push_back({name, view.dtype, view.shape});
  return result;
}

Inspected from_pytorch(const fs::path& path) {
  const checkpoint::PyTorchFile file = checkpoint::PyTorchFile::open(path);
  Inspected result;
  result.kind = file.is_zip() ? "PyTorch" : "PyTorch before 1.6";
  for (const auto& [name, view] : checkpoint::without_wrapper_prefixes(file.tensors())) {
    result.tensors.push_back({name, view.dtype, view.shape});
  }
  return result;
}

Inspected from_shards(const fs::path& folder, const std::string& kind) {
  Inspected result;
  result.kind = kind;
  const checkpoint::Checkpoint checkpoint = checkpoint::Checkpoint::open(folder);
  for (const auto& [name, view] : checkpoint.tensors()) result.tensors.push_back({name, view.dtype, view.shape});
  return result;
}

Inspected from_bundle(const fs::path& index, const std::string& kind) {
  fs::path prefix = index;
  return from_stored(*exporting::open_bundle_weights(prefix.replace_extension()), kind);
}

Inspected from_folder(const fs::path& folder) {
  const fs::path bundle = fs::path("variables") / "variables.index";
  if (fs::exists(folder / bundle)) return from_bundle(folder / bundle, "SavedModel");
  const auto has = [&](const std::string& file) { return fs::exists(folder / file); };
  const artifact::ArtifactFolder artifact(folder);
  const std::set<Format> formats = artifact.formats();
  if (has(checkpoint::kSafetensorsWeights)) return from_safetensors(folder / checkpoint::kSafetensorsWeights);
  if (formats.contains(Format::kSafetensors)) {
    return from_stored(*artifact.open(Format::kSafetensors), "safetensors, sharded, of TensorFlow");
  }
  if (has(checkpoint::index_of(checkpoint::kSafetensorsWeights))) return from_shards(folder, "safetensors, sharded");
  if (formats.contains(Format::kH5)) return from_stored(*artifact.open(Format::kH5), checkpoint::kH5Weights);
  if (formats.contains(Format::kSavedModel)) return from_stored(*artifact.open(Format::kSavedModel), "SavedModel");
  if (has(checkpoint::kPyTorchBinWeights)) return from_pytorch(folder / checkpoint::kPyTorchBinWeights);
  if (has(checkpoint::index_of(checkpoint::kPyTorchBinWeights))) return from_shards(folder, "PyTorch, sharded");
  throw Error(ErrorKind::kBadInput, folder.string() +
                                        ": holds no weights that are known here (model.safetensors, tf_model.h5, "
                                        "a SavedModel, pytorch_model.bin)");
}

/// By class.
std::map<std::string, std::vector<VerifiedGolden>> read_verified() {
  std::map<std::string, std::vector<VerifiedGolden>> by_class;
  std::istringstream lines(verified_goldens);
  for (std::string text; std::getline(lines, text);) {
    const bytes::Json line = bytes::Json::parse(text, "tests/goldens/verified");
    const auto count = [&](const char* name) { return static_cast<int>(line.at(name).as_integer()); };
    // "Infinity" where PyTorch's run in float64 is not finite itself.
    const auto distance = [&](const char* name) {
      return line.at(name).is_number() ? line.at(name).as_number() : std::numeric_limits<double>::infinity();
    };
    VerifiedGolden golden;
    golden.name = line.at("golden").as_string();
    golden.modules = count("modules");
    golden.tensors = count("tensors");
    golden.worst = line.at("worst").as_string();
    golden.error = distance("error");
    golden.tf_to_float64 = distance("tf_to_float64");
    golden.pt_to_float64 = distance("pt_to_float64");
    golden.output_error = distance("output");
    golden.relative = count("relative");
    golden.padded = count("padded");
    by_class[line.at("class").as_string()].push_back(std::move(golden));
  }
  return by_class;
}

}  // namespace

Inspected inspect(const fs::path& path) {
  if (!fs::exists(path)) throw Error(ErrorKind::kBadInput, path.string() + ": no such file or folder");
  if (fs::is_directory(path)) return from_folder(path);
  if (path.extension() == ".safetensors") return from_safetensors(path);
  if (path.extension() == ".bin" || path.extension() == ".pt" || path.extension() == ".pth") return from_pytorch(path);
  if (path.filename() == checkpoint::kH5Weights)
    return from_stored(*exporting::open_h5_weights(path.parent_path()), checkpoint::kH5Weights);
  if (path.extension() == ".index") return from_bundle(path, "TensorBundle");
  throw Error(ErrorKind::kUnsupported, path.string() +
                                           ": its kind is not known; there are *.safetensors, tf_model.h5, "
                                           "*.bin and *.pt of PyTorch, "
                                           "*.index of a TensorFlow checkpoint, and folders of these");
}

const VerifiedGolden* ListedHead::worst() const {
  const auto found =
      std::max_element(goldens.begin(), goldens.end(),
                       [](const VerifiedGolden& one, const VerifiedGolden& other) { return one.error < other.error; });
  return found == goldens.end() ? nullptr : &*found;
}

std::vector<ListedModel> list_models() {
  const std::map<std::string, std::vector<VerifiedGolden>> verified = read_verified();
  std::vector<ListedModel> list;
  for (const keras::Architecture& architecture : models::registry()) {
    ListedModel model{architecture.model_type, architecture.source, {}, architecture.other_model_types};
    for (const keras::Head& head : architecture.heads) {
      const auto goldens = verified.find(head.name);
      model.heads.push_back(
          {head.name, head.families, goldens == verified.end() ? std::vector<VerifiedGolden>() : goldens->second});
    }
    list.push_back(std::move(model));
  }
  return list;
}

}  // namespace crossload

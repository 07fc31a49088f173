#include "loaded_model.h"

#include <algorithm>

#include "artifact/artifact_folder.h"
#include "crossload/error.h"
#include "export/stored_weights.h"

namespace crossload {
namespace {

namespace fs = std::filesystem;

std::string with_tf(const std::string& name) { return name.starts_with("TF") ? name : "TF" + name; }

std::string supported_types() {
  std::string names;
  for (const keras::Architecture& architecture : models::registry()) {
    names += (names.empty() ? "" : ", ") + architecture.model_type;
  }
  return names;
}

std::string supported_heads(const keras::Architecture& architecture) {
  std::string names;
  for (const keras::Head& head : architecture.heads) names += (names.empty() ? "" : ", ") + head.name;
  return names;
}

const keras::Architecture& find_architecture(const std::string& model_type) {
  for (const keras::Architecture& architecture : models::registry()) {
    const std::vector<std::string>& others = architecture.other_model_types;
    const bool is_other = std::find(others.begin(), others.end(), model_type) != others.end();
    if (architecture.model_type == model_type || is_other) return architecture;
  }
  throw Error(
      ErrorKind::kUnsupported,
      "model_type \"" + model_type + "\" has no TensorFlow architecture here; supported are " + supported_types());
}

/// All keys below `level`, unless there are some already.
std::map<std::string, TensorView> below(const std::string& level, const std::map<std::string, TensorView>& tensors) {
  std::map<std::string, TensorView> renamed;
  for (const auto& [key, view] : tensors) {
    if (key.starts_with(level + ".")) return tensors;
    renamed.emplace(level + "." + key, view);
  }
  return renamed;
}

/// Gives the keys of the checkpoint the names of the model: a head's keys begin with the prefix of the base model, the
/// base model's do not.
std::map<std::string, TensorView> in_names_of(const ModelClass& model_class,
                                              const std::map<std::string, TensorView>& tensors) {
  if (!model_class.head->outer_level.empty()) return below(model_class.head->outer_level, tensors);
  if (model_class.architecture->base_model_prefix.empty()) return tensors;
  const std::string prefix = model_class.architecture->base_model_prefix + ".";
  const bool is_base = model_class.head == &model_class.architecture->heads.front();
  const bool has_prefix =
      std::any_of(tensors.begin(), tensors.end(), [&](const auto& entry) { return entry.first.starts_with(prefix); });
  if (is_base != has_prefix) return tensors;
  std::map<std::string, TensorView> renamed;
  for (const auto& [key, view] : tensors) {
    const std::string name = !is_base ? prefix + key : key.starts_with(prefix) ? key.substr(prefix.size()) : key;
    // Two tensors for one name: the second keeps its own, under which nobody expects it.
    if (!renamed.emplace(name, view).second) renamed.emplace(prefix + name, view);
  }
  return renamed;
}

LoadedModel build(const ModelClass& model_class, const Config& config, std::unique_ptr<keras::Weights> weights,
                  const std::string& where) {
  for (const auto& [pattern, reason] : model_class.head->ignores) weights->ignore(pattern, reason);
  LoadedModel loaded{model_class, std::move(weights), nullptr};
  loaded.model = model_class.head->build(keras::Scope(loaded.weights.get()), config);
  loaded.weights->check_complete(where);
  return loaded;
}

/// A view on values of its own.
TensorView read_whole(const StoredWeights& stored, const std::string& name, const Shape& shape) {
  const auto values = std::make_shared<std::vector<float>>(static_cast<std::size_t>(element_count(shape)));
  stored.read(name, *values);
  return {DType::kF32, shape, std::as_bytes(std::span<const float>(*values)), values};
}

}  // namespace

std::unique_ptr<StoredWeights> open_artifact(const fs::path& folder) { return ArtifactFolder(folder).open(); }

ModelClass choose_class(const Config& config, const std::string& wanted) {
  const keras::Architecture& architecture = find_architecture(config.model_type());
  std::string name = wanted;
  if (name.empty()) {
    const std::vector<std::string> names = config.architectures();
    if (names.size() > 1) {
      throw Error(ErrorKind::kBadInput, "config.json names " + std::to_string(names.size()) +
                                            " architectures; say which one with --override-model-class");
    }
    name = names.empty() ? architecture.heads.front().name : names.front();
  }
  name = with_tf(name);
  for (const keras::Head& head : architecture.heads) {
    const bool in_family = std::find(head.families.begin(), head.families.end(), name) != head.families.end();
    if (head.name == name || in_family) return {&architecture, &head};
  }
  throw Error(ErrorKind::kUnsupported, name + " is no class of " + architecture.model_type + " here; supported are " +
                                           supported_heads(architecture));
}

LoadedModel load_from_pytorch(const Checkpoint& checkpoint, const ModelClass& model_class) {
  auto weights = std::make_unique<keras::Weights>(in_names_of(model_class, checkpoint.tensors()));
  return build(model_class, checkpoint.config(), std::move(weights), checkpoint.path().string());
}

LoadedModel load_without_weights(const Config& config, const ModelClass& model_class) {
  LoadedModel loaded{model_class, std::make_unique<keras::Weights>(std::map<std::string, TensorView>()), nullptr};
  loaded.model = model_class.head->build(keras::Scope(loaded.weights.get()), config);
  return loaded;
}

LoadedModel load_from_tensorflow(const fs::path& folder, const std::string& wanted) {
  const fs::path config_file = folder / "config.json";
  const Config config = Config::parse(read_text(config_file), config_file.string());
  const ArtifactFolder artifact(folder);
  // Beside PyTorch's weights config.json is theirs, and may name another class than the one that was converted.
  const ModelClass model_class = choose_class(config, wanted.empty() ? artifact.certified_class() : wanted);
  const std::unique_ptr<StoredWeights> stored = artifact.open();
  std::map<std::string, TensorView> tensors;
  for (const auto& [name, tensor] : stored->tensors()) tensors.emplace(name, read_whole(*stored, name, tensor.shape));
  auto weights = std::make_unique<keras::Weights>(std::move(tensors), keras::Weights::Source::kTensorFlow);
  return build(model_class, config, std::move(weights), folder.string());
}

}  // namespace crossload

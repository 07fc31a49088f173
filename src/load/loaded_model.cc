#include "load/loaded_model.h"

#include <algorithm>
#include <map>

#include "artifact/artifact_folder.h"
#include "bytes/text_file.h"
#include "crossload/error.h"
#include "export/stored_weights.h"
#include "load/misfit.h"
#include "load/sentence.h"
#include "lowering/program_model.h"

namespace crossload::load {
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

/// A name of Transformers' past, or of Flax, as the class is called today.
std::string class_of_today(std::string name) {
  static const std::map<std::string, std::string> renamed = {
      {"T5WithLMHeadModel", "T5ForConditionalGeneration"},      // until 3.1
      {"BartForMaskedLM", "BartForConditionalGeneration"},      // until 2.7
      {"BartForLMGeneration", "BartForConditionalGeneration"},  // a name of that time, too
      {"Wav2Vec2ForMaskedLM", "Wav2Vec2ForCTC"},                // of 4.3, the same modules
  };
  if (name.starts_with("TF")) name = name.substr(2);
  if (name.starts_with("Flax")) name = name.substr(4);
  const auto found = renamed.find(name);
  return with_tf(found == renamed.end() ? name : found->second);
}

/// The architecture that has the class; null for none.
const keras::Architecture* architecture_of_class(const std::string& name) {
  for (const keras::Architecture& architecture : models::registry()) {
    for (const keras::Head& head : architecture.heads) {
      if (head.name == name) return &architecture;
    }
  }
  return nullptr;
}

/// Configurations of before Transformers 2.2 have no model_type.
const keras::Architecture& architecture_without_type(const std::string& name) {
  if (const keras::Architecture* found = name.empty() ? nullptr : architecture_of_class(name)) return *found;
  throw Error(ErrorKind::kBadInput, "config.json: has no \"model_type\"" +
                                        (name.empty() ? ", and does not name its class under \"architectures\""
                                                      : ", and " + name + " is no class here") +
                                        "; give the class with --override-model-class, such as BertModel");
}

/// Gives the tensors the names of the model: a head's begin with the prefix of the base model, the base model's do not.
void give_names_of(const ModelClass& model_class, checkpoint::NamedTensors* tensors) {
  if (const std::string& level = model_class.head->outer_level; !level.empty()) {
    const bool has_level = std::any_of(tensors->tensors().begin(), tensors->tensors().end(),
                                       [&](const auto& entry) { return entry.first.starts_with(level + "."); });
    if (!has_level) tensors->rename([&](const std::string& name) { return level + "." + name; });
    return;
  }
  if (model_class.architecture->base_model_prefix.empty()) return;
  const std::string prefix = model_class.architecture->base_model_prefix + ".";
  const bool is_base = model_class.head == &model_class.architecture->heads.front();
  const bool has_prefix = std::any_of(tensors->tensors().begin(), tensors->tensors().end(),
                                      [&](const auto& entry) { return entry.first.starts_with(prefix); });
  if (is_base != has_prefix) return;
  tensors->rename([&](const std::string& name) {
    return !is_base ? prefix + name : name.starts_with(prefix) ? name.substr(prefix.size()) : name;
  });
}

/// With the model_type of its class where it has none.
checkpoint::Config with_model_type(const checkpoint::Config& config, const ModelClass& model_class) {
  if (config.has_model_type()) return config;
  bytes::Json fields = bytes::Json::object();
  for (const auto& [name, value] : config.json().members()) fields.set(name, value);
  fields.set("model_type", model_class.model_type());
  return checkpoint::Config(fields);
}

/// What another class of the architecture has a place for is no surprise: a part that this class lacks. Classes that
/// the configuration does not fit are asked as far as they could be made. Names of the base model, which lack its
/// prefix, and those of heads are not held against each other: a tensor that is there by both is one too many.
void leave_other_heads_aside(const ModelClass& model_class, const checkpoint::Config& config, keras::Weights* weights) {
  const std::string& prefix = model_class.architecture->base_model_prefix;
  const keras::Head* base = &model_class.architecture->heads.front();
  for (const keras::Head& head : model_class.architecture->heads) {
    if (&head == model_class.head || (!prefix.empty() && &head == base)) continue;
    keras::Weights asked({});
    try {
      head.build(keras::Scope(&asked), config);
    } catch (const Error&) {
    }
    for (const std::string& key : asked.asked()) {
      if (model_class.head == base && !prefix.empty() && key.starts_with(prefix + ".")) continue;
      weights->ignore_key(key, "part of " + head.name.substr(2) + ", which this class lacks");
    }
  }
}

/// Those that are known to have no place in the class.
void leave_known_ones_aside(const ModelClass& model_class, keras::Weights* weights) {
  if (model_class.program) {
    for (const auto& [key, reason] : model_class.program->aside) weights->ignore_key(key, reason);
    return;
  }
  for (const auto& [pattern, reason] : model_class.head->ignores) weights->ignore(pattern, reason);
  for (const auto& [pattern, reason] : model_class.architecture->ignores) weights->ignore(pattern, reason);
  weights->ignore("embeddings.token_type_ids", "a buffer: 0, 0, 0, ...; saved under PyTorch before 1.7");
}

/// The tensors of a checkpoint by the names of the program's parameters, and those that its own file holds.
checkpoint::NamedTensors tensors_of(const checkpoint::Checkpoint& checkpoint, const program::Program& program) {
  checkpoint::NamedTensors tensors = checkpoint.named_tensors();
  std::map<std::string, std::string> parameters;  // by their keys
  std::map<std::string, tensor::TensorView> held;
  for (const program::Parameter& parameter : program.parameters) {
    if (!parameter.key.empty()) parameters.try_emplace(parameter.key, parameter.name);
    if (parameter.key.empty() && !parameter.is_constant) {
      held.emplace(parameter.name, program.tensors.at(parameter.value));
    }
  }
  tensors.rename([&](const std::string& name) {
    const std::string& in_file = tensors.in_file(name);
    const auto parameter = parameters.find(in_file);
    return parameter == parameters.end() ? in_file : parameter->second;
  });
  tensors.add(held);
  return tensors;
}

checkpoint::NamedTensors tensors_of(const checkpoint::Checkpoint& checkpoint, const ModelClass& model_class) {
  if (model_class.program) return tensors_of(checkpoint, *model_class.program);
  checkpoint::NamedTensors tensors = checkpoint.named_tensors();
  give_names_of(model_class, &tensors);
  if (model_class.sentence) tensors.add(model_class.sentence->tensors);
  return tensors;
}

std::unique_ptr<keras::Model> build_model(const ModelClass& model_class, const checkpoint::Config& config,
                                          keras::Weights* weights) {
  const keras::Scope scope(weights);
  if (model_class.program) return std::make_unique<lowering::ProgramModel>(scope, model_class.program, config);
  std::unique_ptr<keras::Model> model = model_class.head->build(scope, config);
  return model_class.sentence ? with_sentence_modules(std::move(model), *model_class.sentence, scope)
                              : std::move(model);
}

LoadedModel build(const ModelClass& model_class, const checkpoint::Config& config,
                  std::unique_ptr<keras::Weights> weights, const std::string& where,
                  const IgnoredTensors& wanted = {}) {
  leave_known_ones_aside(model_class, weights.get());
  LoadedModel loaded{model_class, std::move(weights), nullptr};
  const checkpoint::Config whole = with_model_type(config, model_class);
  loaded.model = build_model(model_class, whole, loaded.weights.get());
  if (!model_class.program && !loaded.weights->misfit().unexpected.empty()) {
    leave_other_heads_aside(model_class, whole, loaded.weights.get());
  }
  for (const auto& [pattern, reason] : wanted) loaded.weights->ignore_wanted(pattern, reason);
  if (const keras::Misfit misfit = loaded.weights->misfit(); !misfit.empty()) {
    loaded.weights->check_complete(where, advice_about(misfit, model_class));
  }
  return loaded;
}

ModelClass sentence_class_in(const fs::path& folder, const checkpoint::Config& config, bool weights) {
  ModelClass model_class = transformer_class(config);
  model_class.sentence = std::make_shared<const checkpoint::SentenceModules>(
      weights ? checkpoint::read_sentence_modules(folder) : checkpoint::read_sentence_modules_without_weights(folder));
  return model_class;
}

ModelClass traced_class_in(const fs::path& folder) {
  return {.program = std::make_shared<const program::Program>(program::read_program(folder / artifact::kProgramFile))};
}

/// A view on values of its own.
tensor::TensorView read_whole(const exporting::StoredWeights& stored, const std::string& name, const Shape& shape) {
  const auto values = std::make_shared<std::vector<float>>(static_cast<std::size_t>(element_count(shape)));
  stored.read(name, *values);
  return {DType::kF32, shape, std::as_bytes(std::span<const float>(*values)), values};
}

}  // namespace

ModelClass ModelClass::written_as(Format format) const {
  const bool has_signatures = format == Format::kSavedModel || format == Format::kLitert;
  return {architecture, head, has_signatures ? sentence : nullptr, program};
}

std::vector<fs::path> files_of(const checkpoint::Checkpoint& checkpoint, const ModelClass& model_class,
                               bool trusts_code) {
  std::vector<fs::path> files = checkpoint.files();
  if (trusts_code) {
    const std::vector<fs::path> code = checkpoint.code_files();
    files.insert(files.end(), code.begin(), code.end());
  }
  if (model_class.sentence) {
    files.insert(files.end(), model_class.sentence->files.begin(), model_class.sentence->files.end());
  }
  return files;
}

std::unique_ptr<exporting::StoredWeights> open_artifact(const fs::path& folder, const ModelClass& model_class) {
  const artifact::ArtifactFolder artifact(folder);
  return model_class.sentence ? artifact.open(Format::kSavedModel) : artifact.open();
}

ModelClass choose_class(const checkpoint::Checkpoint& checkpoint, const std::string& wanted) {
  const bool is_whole =
      wanted == kSentenceTransformer || (wanted.empty() && checkpoint::has_sentence_modules(checkpoint.path()));
  return is_whole ? sentence_class_in(checkpoint.path(), checkpoint.config(), /*weights=*/true)
                  : choose_class(checkpoint.config(), wanted);
}

ModelClass choose_class(const checkpoint::Config& config, const std::string& wanted) {
  const bool has_type = config.has_model_type();
  std::string name = wanted;
  if (name.empty()) {
    const std::vector<std::string> names = config.architectures();
    if (names.size() > 1) {
      throw Error(ErrorKind::kBadInput, "config.json names " + std::to_string(names.size()) +
                                            " architectures; say which one with --override-model-class");
    }
    if (!names.empty()) name = names.front();
  }
  if (!name.empty()) name = class_of_today(name);
  const keras::Architecture& architecture =
      has_type ? find_architecture(config.model_type()) : architecture_without_type(name);
  if (name.empty()) name = architecture.heads.front().name;
  for (const keras::Head& head : architecture.heads) {
    const bool in_family = std::find(head.families.begin(), head.families.end(), name) != head.families.end();
    if (head.name == name || in_family) return {&architecture, &head};
  }
  throw Error(ErrorKind::kUnsupported, name + " is no class of " + architecture.model_type + " here; supported are " +
                                           supported_heads(architecture) + "; choose one with --override-model-class");
}

ModelClass choose_class(const fs::path& artifact, const checkpoint::Checkpoint& checkpoint, const std::string& wanted) {
  return artifact::ArtifactFolder(artifact).has_program() ? traced_class_in(artifact)
                                                          : choose_class(checkpoint, wanted);
}

LoadedModel load_from_pytorch(const checkpoint::Checkpoint& checkpoint, const ModelClass& model_class,
                              const IgnoredTensors& ignored) {
  const checkpoint::NamedTensors tensors = tensors_of(checkpoint, model_class);
  auto weights =
      std::make_unique<keras::Weights>(tensors.tensors(), keras::Weights::Source::kPyTorch, tensors.names_in_file());
  return build(model_class, checkpoint.config(), std::move(weights), checkpoint.path().string(), ignored);
}

LoadedModel load_without_weights(const checkpoint::Config& config, const ModelClass& model_class) {
  LoadedModel loaded{model_class, std::make_unique<keras::Weights>(std::map<std::string, tensor::TensorView>()),
                     nullptr};
  loaded.model = build_model(model_class, with_model_type(config, model_class), loaded.weights.get());
  return loaded;
}

LoadedModel load_from_tensorflow(const fs::path& folder, const std::string& wanted) {
  const fs::path config_file = folder / "config.json";
  const checkpoint::Config config = checkpoint::Config::parse(bytes::read_text(config_file), config_file.string());
  const artifact::ArtifactFolder artifact(folder);
  // Beside PyTorch's weights config.json is theirs, and may name another class than the one that was converted.
  const std::string chosen = wanted.empty() ? artifact.certified_class() : wanted;
  const ModelClass model_class = artifact.has_program()           ? traced_class_in(folder)
                                 : chosen == kSentenceTransformer ? sentence_class_in(folder, config, /*weights=*/false)
                                                                  : choose_class(config, chosen);
  const std::unique_ptr<exporting::StoredWeights> stored = open_artifact(folder, model_class);
  std::map<std::string, tensor::TensorView> tensors;
  for (const auto& [name, tensor] : stored->tensors()) tensors.emplace(name, read_whole(*stored, name, tensor.shape));
  auto weights = std::make_unique<keras::Weights>(std::move(tensors), keras::Weights::Source::kTensorFlow);
  return build(model_class, config, std::move(weights), folder.string());
}

}  // namespace crossload::load

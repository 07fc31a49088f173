#include "load/sentence.h"

#include <algorithm>
#include <map>
#include <set>

#include "blocks/sentence.h"
#include "crossload/error.h"

namespace crossload::load {
namespace {

using blocks::SentencePooling;
using blocks::SentenceTransformer;
using checkpoint::SentenceModule;

[[noreturn]] void fail(const SentenceModule& module, const std::string& what) {
  throw Error(ErrorKind::kBadInput, module.where + ": " + what);
}

[[noreturn]] void refuse(const SentenceModule& module, const std::string& what) {
  throw Error(ErrorKind::kUnsupported,
              module.where + ": " + what +
                  "; the transformer alone is converted with --override-model-class, such as BertModel");
}

/// Throws for a key that may change what is computed and is not known here.
void require_known(const SentenceModule& module, const std::set<std::string>& known) {
  for (const auto& [key, value] : module.config.json().members()) {
    if (!known.contains(key)) refuse(module, "the field " + key + " of a " + module.kind + " is not known");
  }
}

std::int64_t width_of(const SentenceModule& module, const std::string& field) {
  if (!module.config.has(field)) fail(module, "lacks " + field);
  const std::int64_t width = module.config.integer(field, 0);
  if (width <= 0) fail(module, field + " is " + std::to_string(width) + ", wanted a positive number");
  return width;
}

void require_width(const SentenceModule& module, const std::string& field, std::int64_t got, std::int64_t wanted) {
  if (got == wanted) return;
  fail(module, field + " is " + std::to_string(got) + ", and what comes before has a width of " +
                   std::to_string(wanted) + "; are the folders of one model?");
}

/// pooling_mode of today, or the flags of before, in the order in which they are put side by side.
std::vector<std::string> modes_of(const SentenceModule& module) {
  static const std::vector<std::pair<std::string, std::string>> flags = {
      {"pooling_mode_cls_token", "cls"},
      {"pooling_mode_max_tokens", "max"},
      {"pooling_mode_mean_tokens", "mean"},
      {"pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens"},
      {"pooling_mode_weightedmean_tokens", "weightedmean"},
      {"pooling_mode_lasttoken", "lasttoken"},
  };
  std::set<std::string> known = {"embedding_dimension", "word_embedding_dimension", "pooling_mode", "include_prompt"};
  for (const auto& [flag, mode] : flags) known.insert(flag);
  require_known(module, known);
  std::vector<std::string> modes;
  if (module.config.has("pooling_mode")) {
    const bytes::Json mode = module.config.json().at("pooling_mode");
    if (!mode.is_array()) return {mode.as_string()};
    for (const bytes::Json& one : mode.elements()) modes.push_back(one.as_string());
    if (modes.empty()) fail(module, "pooling_mode names none");
    return modes;
  }
  for (const auto& [flag, mode] : flags) {
    if (module.config.flag(flag, false)) modes.push_back(mode);
  }
  return modes.empty() ? std::vector<std::string>{"mean"} : modes;
}

/// The name in Transformers' table of a module of torch.nn, which is saved as its class alone.
std::string activation_of(const SentenceModule& module) {
  static const std::map<std::string, std::string> known = {
      {"GELU", "gelu"},   {"Identity", "linear"}, {"LeakyReLU", "leaky_relu"}, {"Mish", "mish"}, {"ReLU", "relu"},
      {"ReLU6", "relu6"}, {"SiLU", "silu"},       {"Sigmoid", "sigmoid"},      {"Tanh", "tanh"},
  };
  const std::string path = module.config.text("activation_function", "torch.nn.modules.activation.Tanh");
  const auto found = known.find(path.substr(path.rfind('.') + 1));
  if (path.starts_with("torch.nn.") && found != known.end()) return found->second;
  std::string names;
  for (const auto& [name, function] : known) names += (names.empty() ? "" : ", ") + name;
  refuse(module, "the activation_function " + path + " is not supported; of torch.nn there are " + names);
}

/// The modules in their order, each as wide as the one before.
class Builder {
 public:
  Builder(const keras::Scope& scope, std::int64_t width) : scope_(scope), width_(width) {}

  SentencePooling pooling(const SentenceModule& module) {
    const char* field = module.config.has("embedding_dimension") ? "embedding_dimension" : "word_embedding_dimension";
    const std::int64_t width = width_of(module, field);
    if (width_ > 0) require_width(module, field, width, width_);
    const std::vector<std::string> modes = modes_of(module);
    width_ = width * static_cast<std::int64_t>(modes.size());
    return {scope_ / module.name, modes, module.where};
  }

  SentenceTransformer::Step step(const SentenceModule& module) {
    const keras::Scope scope = scope_ / module.name;
    if (module.kind == "Normalize") return blocks::SentenceNormalize(scope);
    if (module.kind == "LayerNorm") {
      require_known(module, {"dimension"});
      const std::int64_t width = width_of(module, "dimension");
      require_width(module, "dimension", width, width_);
      return blocks::SentenceLayerNorm(scope, width);
    }
    if (module.kind != "Dense") refuse(module, "module " + module.name + " is a second " + module.kind);
    return dense(module, scope);
  }

 private:
  SentenceTransformer::Step dense(const SentenceModule& module, const keras::Scope& scope) {
    require_known(module, {"in_features", "out_features", "bias", "activation_function", "module_input_name",
                           "module_output_name"});
    for (const char* name : {"module_input_name", "module_output_name"}) {
      const std::string feature = module.config.text(name, SentenceTransformer::kOutput);
      if (feature != SentenceTransformer::kOutput) refuse(module, std::string(name) + " is " + feature);
    }
    const std::int64_t in_features = width_of(module, "in_features");
    require_width(module, "in_features", in_features, width_);
    width_ = width_of(module, "out_features");
    return blocks::SentenceDense(scope, in_features, width_, module.config.flag("bias", true), activation_of(module));
  }

  const keras::Scope& scope_;
  std::int64_t width_;
};

/// Of the last hidden states; 0 when the configuration does not say.
std::int64_t hidden_width(const checkpoint::Config& config) {
  for (const char* field : {"hidden_size", "d_model", "dim"}) {
    if (config.has(field)) return config.integer(field, 0);
  }
  return 0;
}

void require_text_encoder(const keras::Model& transformer) {
  const std::set<std::string> known = {"input_ids", "attention_mask", "token_type_ids"};
  for (const keras::InputSpec& input : transformer.serving()) {
    if (known.contains(input.name)) continue;
    throw Error(ErrorKind::kUnsupported,
                "a model_type " + transformer.config().model_type() + " takes " + input.name +
                    ", and sentence embeddings are made of texts alone here; the transformer alone is converted with "
                    "--override-model-class");
  }
}

}  // namespace

ModelClass transformer_class(const checkpoint::Config& config) {
  return choose_class(config, config.model_type() == "t5" ? "T5EncoderModel" : "AutoModel");
}

std::unique_ptr<keras::Model> with_sentence_modules(std::unique_ptr<keras::Model> transformer,
                                                    const checkpoint::SentenceModules& modules,
                                                    const keras::Scope& scope) {
  require_text_encoder(*transformer);
  const std::string where = modules.files.front().string();
  if (modules.modules.empty() || modules.modules.front().kind != "Pooling") {
    throw Error(ErrorKind::kUnsupported,
                where +
                    ": no Pooling follows the Transformer, which alone makes an embedding here; the transformer alone "
                    "is converted with --override-model-class, such as BertModel");
  }
  Builder builder(scope, hidden_width(transformer->config()));
  SentencePooling pooling = builder.pooling(modules.modules.front());
  std::vector<SentenceTransformer::Step> steps;
  for (std::size_t i = 1; i < modules.modules.size(); ++i) steps.push_back(builder.step(modules.modules[i]));
  return std::make_unique<SentenceTransformer>(std::move(transformer), std::move(pooling), std::move(steps));
}

std::vector<std::string> notes_of(const checkpoint::SentenceModules& modules) {
  std::vector<std::string> notes;
  for (const SentenceModule& module : modules.modules) {
    if (module.kind == "Pooling" && !module.config.flag("include_prompt", true)) {
      notes.push_back(module.where +
                      ": the pooling leaves prompts out (include_prompt is false); sentence_embedding is what encode "
                      "gives without a prompt");
    }
  }
  return notes;
}

}  // namespace crossload::load

#include "checkpoint/config.h"

namespace crossload::checkpoint {
namespace {

bool is_flag(const bytes::Json& json, const std::string& name) {
  return json.is_object() && json.contains(name) && json.at(name).is_bool();
}

/// T5 of Transformers 4 scales what the output projection reads when it is tied (tie_word_embeddings). 5 has a field
/// for that, and then always writes true for the other, whatever the weights are.
bool says_scale_by_itself(const bytes::Json& json) {
  return is_flag(json, "scale_decoder_outputs") && json.contains("model_type") && json.at("model_type").is_string() &&
         json.at("model_type").as_string() == "t5";
}

}  // namespace

Config::Config(bytes::Json json) : json_(std::move(json)) {
  if (!says_scale_by_itself(json_)) return;
  const bool scaled = json_.at("scale_decoder_outputs").as_bool();
  if (is_flag(json_, "tie_word_embeddings") && json_.at("tie_word_embeddings").as_bool() == scaled) return;
  original_ = json_;
  json_ = bytes::Json::parse(json_.dump(), "config.json");  // copies share their members
  json_.set("tie_word_embeddings", scaled);
}

Config Config::parse(const std::string& text, const std::string& where) {
  return Config(bytes::Json::parse(text, where));
}

bool Config::has(const std::string& name) const { return json_.contains(name) && !json_.at(name).is_null(); }

std::int64_t Config::integer(const std::string& name, std::int64_t fallback) const {
  return has(name) ? json_.at(name).as_integer() : fallback;
}

double Config::number(const std::string& name, double fallback) const {
  return has(name) ? json_.at(name).as_number() : fallback;
}

bool Config::flag(const std::string& name, bool fallback) const {
  return has(name) ? json_.at(name).as_bool() : fallback;
}

std::string Config::text(const std::string& name, const std::string& fallback) const {
  return has(name) ? json_.at(name).as_string() : fallback;
}

bool Config::is_of_timm() const { return !has("model_type") && json_.contains("pretrained_cfg"); }

bool Config::has_model_type() const { return has("model_type") || is_of_timm(); }

std::string Config::model_type() const { return is_of_timm() ? "timm_wrapper" : json_.at("model_type").as_string(); }

std::vector<std::string> Config::architectures() const {
  std::vector<std::string> names;
  if (!has("architectures")) {
    if (is_of_timm())
      names = {integer("num_classes", 1) == 0 ? "TimmWrapperModel" : "TimmWrapperForImageClassification"};
    return names;
  }
  for (const bytes::Json& element : json_.at("architectures").elements()) {
    const std::string name = element.as_string();
    names.push_back(name.starts_with("TF") ? name.substr(2) : name);
  }
  return names;
}

std::int64_t Config::num_labels() const {
  if (has("id2label")) return static_cast<std::int64_t>(json_.at("id2label").members().size());
  return integer("num_labels", 2);
}

}  // namespace crossload::checkpoint

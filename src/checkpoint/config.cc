#include "checkpoint/config.h"

namespace crossload {

Config Config::parse(const std::string& text, const std::string& where) { return Config(Json::parse(text, where)); }

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

std::string Config::model_type() const { return json_.at("model_type").as_string(); }

std::vector<std::string> Config::architectures() const {
  std::vector<std::string> names;
  if (!has("architectures")) return names;
  for (const Json& element : json_.at("architectures").elements()) {
    const std::string name = element.as_string();
    names.push_back(name.starts_with("TF") ? name.substr(2) : name);
  }
  return names;
}

std::int64_t Config::num_labels() const {
  if (has("id2label")) return static_cast<std::int64_t>(json_.at("id2label").members().size());
  return integer("num_labels", 2);
}

}  // namespace crossload

// config.json of a model.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/json.h"

namespace crossload {

/// The fields of config.json under their own names. Each getter throws Error(kBadInput) naming the file and the field
/// when it is absent (without a default) or of another type. null counts as absent, as in Transformers.
class Config {
 public:
  explicit Config(Json json) : json_(std::move(json)) {}
  static Config parse(const std::string& text, const std::string& where);

  bool has(const std::string& name) const;
  std::int64_t integer(const std::string& name, std::int64_t fallback) const;
  double number(const std::string& name, double fallback) const;
  bool flag(const std::string& name, bool fallback) const;
  std::string text(const std::string& name, const std::string& fallback) const;

  /// "model_type", required.
  std::string model_type() const;
  /// "architectures" without a "TF" in front; may be empty.
  std::vector<std::string> architectures() const;
  /// The size of "id2label", or "num_labels", or 2, as PretrainedConfig counts them.
  std::int64_t num_labels() const;

  const Json& json() const { return json_; }

 private:
  Json json_;
};

}  // namespace crossload

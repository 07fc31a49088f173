// config.json of a model.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bytes/json.h"

namespace crossload::checkpoint {

/// The fields of config.json under their own names. Each getter throws Error(kBadInput) naming the file and the field
/// when it is absent (without a default) or of another type. null counts as absent, as in Transformers.
class Config {
 public:
  /// Fields that Transformers 5 writes in another way than 4 become those of 4, which is what json() then has.
  explicit Config(bytes::Json json);
  static Config parse(const std::string& text, const std::string& where);

  bool has(const std::string& name) const;
  std::int64_t integer(const std::string& name, std::int64_t fallback) const;
  double number(const std::string& name, double fallback) const;
  bool flag(const std::string& name, bool fallback) const;
  std::string text(const std::string& name, const std::string& fallback) const;

  /// Configurations of before Transformers 2.2 have none.
  bool has_model_type() const;
  /// "model_type", required; "timm_wrapper" of timm's models, which have "pretrained_cfg" instead, as in Transformers.
  std::string model_type() const;
  /// "architectures" without a "TF" in front; may be empty. Of timm's models, which name none, Transformers' wrapper:
  /// with a classifier unless "num_classes" is 0.
  std::vector<std::string> architectures() const;
  /// The size of "id2label", or "num_labels", or 2, as PretrainedConfig counts them.
  std::int64_t num_labels() const;

  const bytes::Json& json() const { return json_; }
  /// True when json() is not as it was given.
  bool is_changed() const { return original_.has_value(); }
  /// As it was given.
  const bytes::Json& original() const { return original_ ? *original_ : json_; }

 private:
  bool is_of_timm() const;

  bytes::Json json_;
  std::optional<bytes::Json> original_;
};

}  // namespace crossload::checkpoint

// What TensorFlow weights are written in.
#pragma once

#include <string_view>

namespace crossload {

/// tf_model.h5, model.safetensors with "format": "tf", and saved_model/.
enum class Format { kH5, kSafetensors, kSavedModel };

/// "h5", "safetensors", "saved_model"
std::string_view name_of(Format format);
/// The inverse of name_of; false when the name is unknown.
bool parse_format(std::string_view name, Format* format);

}  // namespace crossload

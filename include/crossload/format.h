// What TensorFlow weights are written in.
#pragma once

#include <string>
#include <string_view>

namespace crossload {

/// tf_model.h5, model.safetensors with "format": "tf", saved_model/, and model.tflite.
enum class Format { kH5, kSafetensors, kSavedModel, kLitert };

/// "h5", "safetensors", "saved_model", "litert"
std::string_view name_of(Format format);
/// The inverse of name_of; false when the name is unknown.
bool parse_format(std::string_view name, Format* format);
/// "h5, safetensors, saved_model, litert"
std::string format_names();

}  // namespace crossload

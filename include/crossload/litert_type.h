// model.tflite, for LiteRT (once TensorFlow Lite).
#pragma once

#include <optional>
#include <string_view>

namespace crossload {

/// What the weights of model.tflite are kept in. kInt8: large weights as whole numbers of 8 bits with a factor for each
/// row, which LiteRT's kernels turn back or multiply with inputs that they round while they run ("dynamic range");
/// inputs, outputs and everything between stay float32.
enum class LitertType { kFloat32, kFloat16, kInt8 };

/// "float32", "float16", "int8"
std::string_view name_of(LitertType type);
/// The inverse of name_of; false when the name is unknown.
bool parse_litert_type(std::string_view name, LitertType* type);

struct LitertOptions {
  LitertType type = LitertType::kFloat32;
  /// Of float16 and int8: an output that is further from PyTorch's at a kept position disagrees. None: the distances
  /// are only measured. Float32 is judged as all formats are.
  std::optional<double> max_error = std::nullopt;
};

}  // namespace crossload

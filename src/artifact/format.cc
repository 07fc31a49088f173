#include "crossload/format.h"

#include <array>

#include "crossload/litert.h"

namespace crossload {
namespace {

constexpr std::array kFormats = {Format::kH5, Format::kSafetensors, Format::kSavedModel, Format::kLitert};
constexpr std::array kLitertTypes = {LitertType::kFloat32, LitertType::kFloat16, LitertType::kInt8};

template <class Values, class Value>
bool parse(const Values& values, std::string_view name, Value* parsed) {
  for (const Value each : values) {
    if (name_of(each) != name) continue;
    *parsed = each;
    return true;
  }
  return false;
}

}  // namespace

std::string_view name_of(Format format) {
  switch (format) {
    case Format::kH5:
      return "h5";
    case Format::kSafetensors:
      return "safetensors";
    case Format::kSavedModel:
      return "saved_model";
    case Format::kLitert:
      return "litert";
  }
  return "?";
}

bool parse_format(std::string_view name, Format* format) { return parse(kFormats, name, format); }

std::string format_names() {
  std::string names;
  for (const Format format : kFormats) names += (names.empty() ? "" : ", ") + std::string(name_of(format));
  return names;
}

std::string_view name_of(LitertType type) {
  switch (type) {
    case LitertType::kFloat32:
      return "float32";
    case LitertType::kFloat16:
      return "float16";
    case LitertType::kInt8:
      return "int8";
  }
  return "?";
}

bool parse_litert_type(std::string_view name, LitertType* type) { return parse(kLitertTypes, name, type); }

}  // namespace crossload

#include "crossload/format.h"

#include <array>

namespace crossload {
namespace {

constexpr std::array kFormats = {Format::kH5, Format::kSafetensors, Format::kSavedModel, Format::kLitert};

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

bool parse_format(std::string_view name, Format* format) {
  for (const Format each : kFormats) {
    if (name_of(each) != name) continue;
    *format = each;
    return true;
  }
  return false;
}

std::string format_names() {
  std::string names;
  for (const Format format : kFormats) names += (names.empty() ? "" : ", ") + std::string(name_of(format));
  return names;
}

}  // namespace crossload

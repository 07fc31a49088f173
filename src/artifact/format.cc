#include "crossload/format.h"

namespace crossload {

std::string_view name_of(Format format) {
  switch (format) {
    case Format::kH5:
      return "h5";
    case Format::kSafetensors:
      return "safetensors";
    case Format::kSavedModel:
      return "saved_model";
  }
  return "?";
}

bool parse_format(std::string_view name, Format* format) {
  for (const Format each : {Format::kH5, Format::kSafetensors, Format::kSavedModel}) {
    if (name_of(each) != name) continue;
    *format = each;
    return true;
  }
  return false;
}

}  // namespace crossload

#include "crossload/litert_type.h"

namespace crossload {

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

bool parse_litert_type(std::string_view name, LitertType* type) {
  for (const LitertType each : {LitertType::kFloat32, LitertType::kFloat16, LitertType::kInt8}) {
    if (name_of(each) != name) continue;
    *type = each;
    return true;
  }
  return false;
}

}  // namespace crossload

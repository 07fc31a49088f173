#include "keras/module_error.h"

namespace crossload::keras {

std::string ModuleFailure::text() const {
  std::string where = "the model";
  if (!place.class_name.empty()) {
    where = place.path.empty() ? place.class_name + " (" : place.path + " (" + place.class_name + ", ";
    where += place.source();
    if (!caller.class_name.empty()) where += "; called by " + caller.class_name + ", " + caller.source();
    where += ")";
  }
  return where + ": TensorFlow cannot compute " + (operation.empty() ? "this" : operation) + ": " + reason;
}

}  // namespace crossload::keras

// What to do about a checkpoint that does not fill its model.
#pragma once

#include <string>

#include "keras/weights.h"
#include "load/loaded_model.h"

namespace crossload::load {

/// The end of an error about a misfit: a prefix that is in the way, the base class when only the head's tensors are
/// missing, --ignore-tensors when nothing is.
std::string advice_about(const keras::Misfit& misfit, const ModelClass& model_class);

}  // namespace crossload::load

// All that an architecture is written with.
#pragma once

#include <functional>
#include <optional>
#include <tuple>

#include "crossload/error.h"
#include "keras/activation.h"
#include "keras/architecture.h"
#include "keras/attention.h"
#include "keras/attention_mask.h"
#include "keras/encoder_decoder.h"
#include "keras/layer_stack.h"
#include "keras/layers.h"
#include "keras/rows.h"
#include "keras/text_inputs.h"

namespace crossload::keras {

using tf::Tensor;
using MaybeTensor = std::optional<Tensor>;
/// A variable that some models have.
using MaybeVariable = std::optional<std::reference_wrapper<const Variable>>;

}  // namespace crossload::keras

// What layers and architectures say of the rooms below.
#pragma once

#include "bytes/json.h"
#include "checkpoint/config.h"
#include "tensor/layout.h"
#include "tensor/tensor_view.h"

namespace crossload::keras {

using bytes::Json;
using checkpoint::Config;
using tensor::Layout;
using tensor::TensorView;

}  // namespace crossload::keras

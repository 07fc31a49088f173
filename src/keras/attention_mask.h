// Attention masks as PyTorch's Transformers prepares them.
#pragma once

#include <cstdint>

#include "tf/ops.h"

namespace crossload::keras {

/// What is added to attention scores: 0 where the mask is 1, and the lowest float32 where it is 0, by the formula
/// (1 - mask) * min. A row whose positions are all masked thus attends to all of them equally, as in PyTorch.
///   mask [batch, keys] -> [batch, 1, 1, keys]; mask [batch, queries, keys] -> [batch, 1, queries, keys]
/// Source: ModuleUtilsMixin.get_extended_attention_mask and invert_attention_mask, transformers/modeling_utils.py.
tf::Tensor extended_attention_mask(const tf::Tensor& mask);

/// The same for a decoder: a mask [batch, length] also hides the positions that come later -> [batch, 1, length,
/// length]. A 3-D mask is taken as it is.
tf::Tensor causal_attention_mask(const tf::Tensor& mask);

/// The mask itself, for models whose PyTorch takes [batch, length] alone. Throws Error(kUsage) for other ranks.
const tf::Tensor& padding_mask(const tf::Tensor& mask);

}  // namespace crossload::keras

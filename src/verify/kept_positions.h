// Which elements of a tensor a mask keeps.
#pragma once

#include <vector>

#include "tensor/tensor_view.h"

namespace crossload::verify {

/// A mask [batch, length] marks positions. One with a third dimension (choices) is folded as models fold it; a mask
/// [batch, queries, keys] excludes no position. What a mask excludes is read by nothing, and holds amplified rounding
/// noise in PyTorch itself.
class KeptPositions {
 public:
  KeptPositions() = default;
  /// `mask` may be null. `choices`: its second dimension is that of multiple choice.
  KeptPositions(const tensor::TensorView* mask, bool choices);

  /// One flag an element, empty when all are kept. The mask is that of the tensor's own side, encoder or decoder; its
  /// positions are the second dimension, or the third of attentions [batch, heads, queries, keys]. `symbolic` is the
  /// shape before the run: a size that is known then (a hidden size, a number of heads) is no length. Empty when
  /// nothing is known.
  std::vector<bool> of(const Shape& shape, const Shape& symbolic) const;

 private:
  std::int64_t batch_ = 0;
  std::int64_t length_ = 0;
  std::vector<bool> rows_;  // [batch * length]
};

}  // namespace crossload::verify

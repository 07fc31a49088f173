// Which elements of a tensor the attention mask keeps.
#pragma once

#include <optional>
#include <vector>

#include "tensor/tensor_view.h"

namespace crossload::verify {

/// Rows that the mask excludes hold amplified rounding noise in PyTorch itself, so they are judged by another rule (see
/// comparison.h). A mask [batch, length] marks them; one with a third dimension (choices) is folded as models fold it;
/// a mask [batch, queries, keys] excludes no row.
class KeptPositions {
 public:
  KeptPositions() = default;
  /// From the input `attention_mask` of a trace; nullptr when there is none.
  explicit KeptPositions(const TensorView* attention_mask, std::size_t input_ids_rank);

  /// One flag an element, empty when all are kept. Tensors [batch, length, ...] and [batch, heads, length, keys] are
  /// masked by their rows, every other shape is kept whole.
  std::vector<bool> of(const Shape& shape) const;

 private:
  std::int64_t batch_ = 0;
  std::int64_t length_ = 0;
  std::vector<bool> rows_;  // [batch * length]
};

}  // namespace crossload::verify

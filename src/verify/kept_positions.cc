#include "verify/kept_positions.h"

#include <cstring>

namespace crossload::verify {
namespace {

bool is_zero(const tensor::TensorView& view, std::int64_t index) {
  const std::size_t size = size_of(view.dtype);
  static constexpr std::byte kZeros[8] = {};
  return std::memcmp(view.bytes.data() + static_cast<std::size_t>(index) * size, kZeros, size) == 0;
}

}  // namespace

KeptPositions::KeptPositions(const tensor::TensorView* mask, bool choices) {
  if (mask == nullptr || mask->shape.size() != (choices ? 3U : 2U)) return;
  const Shape& shape = mask->shape;
  length_ = shape.back();
  batch_ = choices ? shape[0] * shape[1] : shape[0];
  for (std::int64_t i = 0; i < batch_ * length_; ++i) rows_.push_back(!is_zero(*mask, i));
}

std::vector<bool> KeptPositions::of(const Shape& shape, const Shape& symbolic) const {
  if (rows_.empty() || shape.size() < 2 || shape[0] != batch_) return {};
  const auto may_be_length = [&](std::size_t axis) {
    return shape[axis] == length_ && (symbolic.size() != shape.size() || symbolic[axis] < 0);
  };
  // With as many heads as positions, four dimensions are taken for attentions, whose keys may be an encoder's.
  const bool by_query = shape.size() == 4 && may_be_length(2);
  const bool by_row = !by_query && may_be_length(1);
  if (!by_row && !by_query) return {};
  const std::int64_t heads = by_row ? 1 : shape[1];
  const std::int64_t inner = by_row ? element_count(Shape(shape.begin() + 2, shape.end())) : shape[3];
  std::vector<bool> kept;
  kept.reserve(static_cast<std::size_t>(element_count(shape)));
  for (std::int64_t b = 0; b < batch_; ++b) {
    for (std::int64_t h = 0; h < heads; ++h) {
      for (std::int64_t l = 0; l < length_; ++l) {
        kept.insert(kept.end(), static_cast<std::size_t>(inner), rows_[static_cast<std::size_t>(b * length_ + l)]);
      }
    }
  }
  return kept;
}

}  // namespace crossload::verify

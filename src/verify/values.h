// What TensorFlow computed for one tensor, in memory.
#pragma once

#include <cstdint>
#include <vector>

#include "crossload/dtype.h"

namespace crossload::verify {

enum class NumberKind { kFloating, kInteger, kBoolean };

struct Values {
  Shape shape;
  std::vector<float> elements;  // of a floating tensor
  NumberKind kind = NumberKind::kFloating;
  std::vector<std::int64_t> integers = {};  // of an integer or boolean one; elements is empty then
  /// The shape that the graph knows without running: -1 for sizes that come from the inputs. Empty when not known.
  Shape symbolic = {};
};

}  // namespace crossload::verify

// The protocol buffer in which TensorFlow writes shapes.
#pragma once

#include <string>
#include <string_view>

#include "crossload/dtype.h"

namespace crossload::tf {

/// A serialized TensorShapeProto.
std::string shape_proto(const Shape& shape);
/// The sizes of a serialized TensorShapeProto, and whether its rank is known (`has_rank` may be null). Throws
/// protozero::exception when it is no protocol buffer.
Shape parse_shape_proto(std::string_view bytes, bool* has_rank = nullptr);

}  // namespace crossload::tf

// Small protocol buffers of TensorFlow that its C API has no setter for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "crossload/dtype.h"

namespace crossload::exporting {

/// A FunctionDef whose arguments after the first `inputs` are handles of float32 variables with these shapes.
/// TensorFlow then knows the shapes inside the function, and in the gradients that it derives from it.
std::string with_handle_shapes(const std::string& function_def, std::size_t inputs, const std::vector<Shape>& shapes);

/// A serialized AttrValue: a constant vector of strings.
std::string string_tensor(const std::vector<std::string>& values);

/// A serialized TensorShapeProto.
std::string shape_proto(const Shape& shape);
/// The sizes of a serialized TensorShapeProto, and whether its rank is known (`has_rank` may be null). Throws
/// protozero::exception when it is no protocol buffer.
Shape parse_shape_proto(std::string_view bytes, bool* has_rank = nullptr);

}  // namespace crossload::exporting

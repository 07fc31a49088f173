// Small protocol buffers of TensorFlow that its C API has no setter for.
#pragma once

#include <string>
#include <vector>

#include "crossload/dtype.h"

namespace crossload {

/// A FunctionDef whose arguments after the first `inputs` are handles of float32 variables with these shapes.
/// TensorFlow then knows the shapes inside the function, and in the gradients that it derives from it.
std::string with_handle_shapes(const std::string& function_def, std::size_t inputs, const std::vector<Shape>& shapes);

/// A serialized AttrValue: a constant vector of strings.
std::string string_tensor(const std::vector<std::string>& values);

/// A serialized TensorShapeProto.
std::string shape_proto(const Shape& shape);

}  // namespace crossload

// Small protocol buffers of TensorFlow that its C API has no setter for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "crossload/dtype.h"
#include "tf/data_type.h"

namespace crossload::exporting {

/// What is known of a tensor before it is computed: -1 for sizes known at run time.
struct TensorSpec {
  tf::DataType dtype;
  Shape shape;
};

/// A FunctionDef whose arguments after the first `inputs` are handles of variables of these types and shapes.
/// TensorFlow then knows them inside the function, and in the gradients that it derives from it.
std::string with_handle_data(const std::string& function_def, std::size_t inputs,
                             const std::vector<TensorSpec>& variables);

/// A serialized TensorShapeProto.
std::string shape_proto(const Shape& shape);
/// The sizes of a serialized TensorShapeProto, and whether its rank is known (`has_rank` may be null). Throws
/// protozero::exception when it is no protocol buffer.
Shape parse_shape_proto(std::string_view bytes, bool* has_rank = nullptr);

}  // namespace crossload::exporting

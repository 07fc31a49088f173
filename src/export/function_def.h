// Small protocol buffers of TensorFlow that its C API has no setter for.
#pragma once

#include <string>
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

}  // namespace crossload::exporting

// Inputs on their way from a trace to a session.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "tensor/tensor_view.h"
#include "tf/host_tensor.h"
#include "verify/values.h"

namespace crossload::verify {

/// Named values to feed.
using Feeds = std::map<std::string, tensor::TensorView>;

/// The names, sorted: what calls with the same set of inputs have in common.
std::vector<std::string> names_of(const Feeds& feeds);

/// A view as a tensor of the wanted type. Integers and booleans may become any type, floating numbers float alone.
/// Throws Error(kUsage) that names the input when a value does not fit.
tf::HostTensor to_host(const std::shared_ptr<const tf::Library>& library, const std::string& name,
                       const tensor::TensorView& view, tf::DataType wanted);

/// What a session returned. `symbolic` as in Values.
Values to_values(const tf::HostTensor& tensor, const Shape& symbolic = {});

}  // namespace crossload::verify

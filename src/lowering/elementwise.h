// Functions of elements, in whatever form their arguments are.
#pragma once

#include <functional>

#include "lowering/operation.h"

namespace crossload::lowering {

using Unary = std::function<tf::Tensor(const tf::Tensor&)>;
using Binary = std::function<tf::Tensor(const tf::Tensor&, const tf::Tensor&)>;

/// f of an argument, converted first to the type that the node gives.
Value map(const Operation& op, const Unary& f, const std::string& name = "self");
/// f of two arguments, with broadcasting, both converted to `dtype`.
Value combine(const Operation& op, const Binary& f, tf::DataType dtype, const std::string& a = "self",
              const std::string& b = "other");

}  // namespace crossload::lowering

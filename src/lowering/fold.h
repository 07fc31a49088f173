// What a program computes from nothing but constants, such as masks and positions of a fixed size, computed once.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "lowering/lowering.h"
#include "tf/host_tensor.h"

namespace crossload::lowering {

/// The values of such nodes that others read, by their names. Large ones are left to the graph.
std::map<std::string, tf::HostTensor> fold(const program::Program& program, const Bound& bound,
                                           const std::shared_ptr<const tf::Library>& library);

}  // namespace crossload::lowering

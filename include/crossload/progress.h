// How far a job is.
#pragma once

#include <functional>
#include <string>

namespace crossload {

/// What is being done, step `step` of `steps`.
using Progress = std::function<void(int step, int steps, const std::string& what)>;

}  // namespace crossload

// A loop over the steps of a sequence, whose length may be known at run time alone: what tf.while_loop makes, so that
// TensorFlow derives gradients of it and LiteRT's converter knows it.
//
//   Scanned sums = scan("sum", x, {zeros}, {}, [](const Tensor& step, const auto& states, const auto&) {
//     return std::vector{states[0] + step};
//   });
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tf/graph.h"

namespace crossload::lowering {

using Tensors = std::vector<tf::Tensor>;

/// The states after a step: of what it reads [batch, in], the states before it [batch, width] and the constants. It is
/// given tensors of another graph, that of the loop's body.
using Step = std::function<Tensors(const tf::Tensor& x, const Tensors& states, const Tensors& constants)>;

struct Scanned {
  tf::Tensor steps;  // [time, batch, width], the first state after each step
  Tensors states;    // after the last
};

/// x [time, batch, in], the states before the first step [batch, width], and what is the same at each step. Loops of
/// one `name` have the same step.
Scanned scan(const std::string& name, const tf::Tensor& x, const Tensors& states, const Tensors& constants,
             const Step& step);

}  // namespace crossload::lowering

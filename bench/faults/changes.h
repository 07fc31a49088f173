// The ways in which faults change variables and operations.
#pragma once

#include "faults/fault.h"

namespace crossload::faults {

// Of one variable, by its name in TensorFlow.
ChangeVariable only(const std::string& name, const ChangeVariable& change);
/// Both names begin those of variables; what follows is the same.
ChangeVariable swapped(const std::string& one, const std::string& other);
/// The values of another variable of the same shape.
ChangeVariable values_of(const std::string& other);
ChangeVariable zeros();
ChangeVariable multiplied(float factor);
/// One element, counted from the first.
ChangeVariable added(std::size_t element, float difference);
/// A kernel of as many rows as columns.
ChangeVariable transposed();
/// Every row in the place of the one before it, the first in the last.
ChangeVariable rows_moved_up();
/// One row in the place of the one before it.
ChangeVariable row_from_the_next(std::size_t row);
ChangeVariable rounded_to_float16();
ChangeVariable rounded_to_bfloat16();
/// [width, in, out] with the first dimension backwards.
ChangeVariable first_dimension_reversed();
/// [height, width, ...] with both exchanged.
ChangeVariable height_and_width_exchanged();
/// Sines and cosines that alternate, as two halves.
ChangeVariable columns_in_two_halves();

// Of one operation.
using ChangeOperation = std::function<tf::Tensor(const Made& made)>;
/// As if the operation were not there.
tf::Tensor first_input(const Made& made);
tf::Tensor second_input(const Made& made);
tf::Tensor third_input(const Made& made);
/// Notes one of its inputs for edits that follow, and changes nothing.
ChangeOperation noted(int input, const std::string& name);
/// Notes one of its inputs, and gives another in the operation's place.
ChangeOperation noted_and_replaced(int input, const std::string& name, int replacement);
/// What was noted, in the operation's place.
ChangeOperation replaced_by(const std::string& name);
/// What was noted, added to it.
ChangeOperation plus(const std::string& name);
ChangeOperation plus(double number);
ChangeOperation times(double number);
tf::Tensor zeros_instead(const Made& made);
tf::Tensor ones_instead(const Made& made);
tf::Tensor negative(const Made& made);
/// Softmax of [batch, heads, queries, keys] over the queries.
tf::Tensor softmax_over_queries(const Made& made);
/// Where a transposition is, a reshape to the same sizes.
tf::Tensor reshaped_instead(const Made& made);
/// x[..., index, ...], the axis dropped, of what the operation takes.
ChangeOperation selected(int axis, int index);
/// The approximation by tanh in the place of GELU's last product, (x / 2) * (1 + erf(...)).
tf::Tensor gelu_by_tanh(const Made& made);
/// A causal mask that lets each query see the key after it too.
tf::Tensor one_later(const Made& made);
/// A convolution along the width with other strides or another padding before and after.
ChangeOperation convolved(std::int64_t stride, std::int64_t before, std::int64_t after);

}  // namespace crossload::faults

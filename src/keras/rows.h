// The matrices behind tensors. A layer that works on rows folds [..., features] to [n, features] and unfolds what it made;
// the graph remembers which matrix a tensor is, so that of layers in a row the first alone folds. TensorFlow then sees a
// product, its bias and its activation side by side, and computes them as one.
#pragma once

#include "tf/dim.h"

namespace crossload::keras {

/// A tensor [lead..., features] as the matrix [n, features].
struct Rows {
  tf::Tensor matrix;
  tf::Dims lead;
};

/// Those of a tensor of two dimensions or more, folded when they are not known yet.
Rows rows_of(const tf::Tensor& x);
/// [lead..., features]
tf::Tensor unfolded(const Rows& rows);

/// A function of matrices [n, in] -> [n, out], applied to [..., in].
template <class Function>
tf::Tensor over_rows(const tf::Tensor& x, const Function& function) {
  if (x.rank() == 2) return function(x);
  const Rows rows = rows_of(x);
  return unfolded({function(rows.matrix), rows.lead});
}

/// Whether the rows of a tensor are known.
bool has_rows(const tf::Tensor& x);

/// A function of each row by itself, applied to rows where they are known, and to the tensor where not.
template <class Function>
tf::Tensor row_wise(const tf::Tensor& x, const Function& function) {
  return has_rows(x) ? over_rows(x, function) : function(x);
}

/// x + y of the same sizes, of which y was there first: what a residual connection adds. In rows where both are known.
tf::Tensor residual(const tf::Tensor& x, const tf::Tensor& y);

}  // namespace crossload::keras

// The lists of indices of PyTorch's x[i, None, mask]: places of the elements of a tensor, and the order of its axes.
#pragma once

#include <vector>

#include "lowering/operation.h"

namespace crossload::lowering {

/// The places along one axis.
struct Index {
  int axis;
  tf::Tensor places;  // of an integer type, or a mask of this axis and those after it
};

/// The argument `indices`.
std::vector<Index> indices_of(const Operation& op);
bool is_mask(const Index& index);
/// Masks as the places at which they are true: one index an axis.
std::vector<Index> without_masks(const std::vector<Index>& indices);
/// [..., n] int64: the places of all indices side by side, which broadcast against each other, in `self`.
tf::Tensor joined(const Operation& op, const std::vector<Index>& indices);
/// The indexed axes first, then the others.
std::vector<int> indexed_first(const std::vector<Index>& indices, int rank);
/// How many axes of x[indices] stand before the places: those before the indexed axes when these are neighbours, else
/// none.
int axes_before(const std::vector<Index>& indices);

/// Negative places count from the end.
tf::Tensor from_front(const tf::Tensor& index, const tf::Dim& size);
tf::Tensor transposed(const tf::Tensor& x, const std::vector<int>& permutation);
/// What undoes a permutation.
std::vector<int> inverse(const std::vector<int>& permutation);
/// All axes in their order, but two of them exchanged.
std::vector<int> swapped_axes(int rank, int a, int b);

}  // namespace crossload::lowering

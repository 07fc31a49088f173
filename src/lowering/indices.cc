#include "lowering/indices.h"

#include <algorithm>
#include <numeric>

#include "tf/ops.h"

namespace crossload::lowering {

using tf::DataType;
using tf::Dim;
using tf::Tensor;

Tensor from_front(const Tensor& index, const Dim& size) {
  const Tensor places = tf::is_integer(index.dtype()) ? index : tf::cast(index, DataType::kInt64);
  return tf::where(tf::less(places, 0), places + size, places);
}

std::vector<Index> indices_of(const Operation& op) {
  const std::vector<std::string> nodes = op.nodes_of("indices");
  std::vector<Index> indices;
  int axis = 0;
  for (const std::string& node : nodes) {
    if (node.empty()) {
      ++axis;
      continue;
    }
    indices.push_back({axis, op.forms_of_node(node).plain()});
    axis += is_mask(indices.back()) ? static_cast<int>(op.type_of_node(node).shape.size()) : 1;
  }
  return indices;
}

bool is_mask(const Index& index) { return index.places.dtype() == DataType::kBool; }

std::vector<Index> without_masks(const std::vector<Index>& indices) {
  std::vector<Index> places;
  for (const Index& index : indices) {
    if (!is_mask(index)) {
      places.push_back(index);
      continue;
    }
    const int axes = index.places.rank();
    const Tensor found = index.places.graph().operation("Where").input(index.places).output();  // [n, axes] int64
    for (int i = 0; i < axes; ++i) places.push_back({index.axis + i, tf::select(found, 1, i)});
  }
  return places;
}

Tensor joined(const Operation& op, const std::vector<Index>& indices) {
  std::vector<Tensor> places;
  for (const Index& index : indices) {
    places.push_back(tf::cast(from_front(index.places, op.dim_of("self", index.axis)), DataType::kInt64));
  }
  if (places.size() == 1) return tf::expand_dims(places.front(), -1);
  Tensor all = places.front();
  for (std::size_t i = 1; i < places.size(); ++i) all = all + places[i];
  const tf::Dims dims = tf::dims_of(all);
  for (Tensor& one : places) one = tf::broadcast_to(one, dims);
  return tf::stack(places, -1);
}

std::vector<int> indexed_first(const std::vector<Index>& indices, int rank) {
  std::vector<int> permutation;
  for (const Index& index : indices) permutation.push_back(index.axis);
  for (int i = 0; i < rank; ++i) {
    if (std::ranges::find(permutation, i) == permutation.end()) permutation.push_back(i);
  }
  return permutation;
}

int axes_before(const std::vector<Index>& indices) {
  for (std::size_t i = 1; i < indices.size(); ++i) {
    if (indices[i].axis != indices[i - 1].axis + 1) return 0;
  }
  return indices.front().axis;
}

Tensor transposed(const Tensor& x, const std::vector<int>& permutation) {
  return std::ranges::is_sorted(permutation) ? x : tf::transpose(x, permutation);
}

std::vector<int> inverse(const std::vector<int>& permutation) {
  std::vector<int> back(permutation.size());
  for (std::size_t i = 0; i < permutation.size(); ++i) {
    back[static_cast<std::size_t>(permutation[i])] = static_cast<int>(i);
  }
  return back;
}

std::vector<int> swapped_axes(int rank, int a, int b) {
  std::vector<int> axes(static_cast<std::size_t>(rank));
  std::iota(axes.begin(), axes.end(), 0);
  std::swap(axes[static_cast<std::size_t>(a)], axes[static_cast<std::size_t>(b)]);
  return axes;
}

}  // namespace crossload::lowering

// Adaptive pools: means and maxima of so many parts of each side of rows, images and films.
#include <algorithm>
#include <numeric>
#include <optional>

#include "lowering/pools.h"
#include "lowering/table.h"
#include "tf/ops.h"

namespace crossload::lowering {
namespace {

using tf::Dim;
using tf::Dims;
using tf::Tensor;

/// Where the i-th of `output` parts of `input` elements begins, and ends; parts overlap where the sizes do not divide.
Dim begin_of(const Dim& i, const Dim& input, const Dim& output) { return tf::floor_div(i * input, output); }
Dim end_of(const Dim& i, const Dim& input, const Dim& output) {
  return tf::floor_div((i + 1) * input + output - 1, output);
}

/// Of each side; one that is None stays, as does the row of one axis.
std::vector<std::optional<Dim>> sizes_of_result(const Operation& op, int axes) {
  const auto& shape = op.node().result.index() == 1 ? op.type().shape : op.types().front()->shape;
  std::vector<std::optional<Dim>> sizes;
  if (axes == 1) sizes.emplace_back();
  const auto count = static_cast<std::size_t>(axes);
  for (std::size_t side = 0; side < count; ++side) {
    if (const auto* size = std::get_if<std::int64_t>(&shape[shape.size() - count + side])) {
      sizes.emplace_back(*size);
      continue;
    }
    const Value given = op.value("output_size");
    const auto* list = given.get<Value::List>();
    const Value of_side = list == nullptr ? given : list->size() == 1 ? list->front() : list->at(side);
    const auto* dim = of_side.get<Dim>();
    sizes.push_back(dim == nullptr ? std::nullopt : std::optional<Dim>(*dim));
  }
  return sizes;
}

/// Whether a side stays as it is.
bool stays(const Dim& input, const std::optional<Dim>& output) {
  return !output || (input.known() && output->known() && input.size() == output->size());
}

bool is_one(const std::optional<Dim>& size) { return size && size->known() && size->size() == 1; }

Value adaptive_avg_pool(const Operation& op, int axes) {
  const Tensor x = image_of(op, axes);
  const auto output = sizes_of_result(op, axes);
  if (std::all_of(output.end() - axes, output.end(), is_one)) {
    std::vector<int> all(sides_of(x));
    std::iota(all.begin(), all.end(), 1);
    return result_of(op, tf::reduce_mean(x, all, true), axes);
  }
  Tensor y = x;
  const Dims dims = tf::dims_of(x);
  for (std::size_t side = 0; side < output.size(); ++side) {
    const Dim& input = dims[side + 1];
    if (stays(input, output[side])) continue;
    const Tensor i = column(op, *output[side]);
    const Tensor size = input.as_tensor(op.graph());
    const Tensor parts = output[side]->as_tensor(op.graph());
    const Tensor end = tf::floor_div((i + 1) * size + parts - 1, parts);
    y = means(y, side, tf::floor_div(i * size, parts), end);
  }
  return result_of(op, y, axes);
}

/// The parts of one side, of which there is a known number.
std::vector<Tensor> parts_of(const Tensor& x, int axis, const Dim& wanted) {
  const Dim input = tf::dims_of(x)[static_cast<std::size_t>(axis)];
  if (wanted.size() == 1) return {x};
  std::vector<Tensor> parts;
  for (std::int64_t i = 0; i < wanted.size(); ++i) {
    parts.push_back(tf::slice(x, axis, begin_of(i, input, wanted), end_of(i, input, wanted)));
  }
  return parts;
}

Tensor joined(const std::vector<Tensor>& parts, int axis) {
  return parts.size() == 1 ? parts.front() : tf::concat(parts, axis);
}

/// For each part where its maximum is.
std::vector<Tensor> first_places(const std::vector<Tensor>& parts, const std::vector<Tensor>& maxima,
                                 const std::vector<Tensor>& places, int axis) {
  std::vector<Tensor> first;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    first.push_back(tf::reduce_min(places_where_largest(parts[i], maxima[i], places[i]), {axis}, true));
  }
  return first;
}

Value adaptive_max_pool(const Operation& op, int axes) {
  Tensor y = image_of(op, axes);
  std::optional<Tensor> places;
  if (op.is_read(1)) places = places_in(y);
  const auto output = sizes_of_result(op, axes);
  for (std::size_t side = 0; side < output.size(); ++side) {
    if (stays(tf::dims_of(y)[side + 1], output[side])) continue;
    if (!output[side]->known()) op.fail("is supported for results of known sizes");
    const int axis = static_cast<int>(side) + 1;
    const std::vector<Tensor> parts = parts_of(y, axis, *output[side]);
    std::vector<Tensor> maxima;
    for (const Tensor& part : parts) maxima.push_back(tf::reduce_max(part, {axis}, true));
    y = joined(maxima, axis);
    if (places) places = joined(first_places(parts, maxima, parts_of(*places, axis, *output[side]), axis), axis);
  }
  return places ? result_of(op, Maxima{y, *places}, axes) : Value::List{result_of(op, y, axes), {}};
}

}  // namespace

void add_adaptive_pools(Table* table) {
  for (const int axes : {1, 2, 3}) {
    const std::string dimensions = std::to_string(axes) + "d.default";
    table->add_each({"aten.adaptive_avg_pool" + dimensions, "aten._adaptive_avg_pool" + dimensions},
                    [=](const Operation& op) { return adaptive_avg_pool(op, axes); });
    table->add("aten.adaptive_max_pool" + dimensions, [=](const Operation& op) { return adaptive_max_pool(op, axes); });
  }
}

}  // namespace crossload::lowering

// What pools share. They go over one, two or three axes, [batch, channels, sides...] in PyTorch, or without a batch.
// Here all are images, [batch, height, width, channels], or films, [batch, frames, height, width, channels]; what has
// one axis is an image of one row.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "lowering/operation.h"

namespace crossload::lowering {

/// A number for each side of an image or a film.
using Sides = std::vector<std::int64_t>;

/// How many sides that are.
inline std::size_t sides_of(const tf::Tensor& x) { return static_cast<std::size_t>(x.rank()) - 2; }

/// The argument self of a pool over so many axes.
tf::Tensor image_of(const Operation& op, int axes);
/// What is made of it, as PyTorch has it.
Value result_of(const Operation& op, const tf::Tensor& y, int axes);

/// int32 [count, 1]: 0, 1, 2, ...
tf::Tensor column(const Operation& op, const tf::Dim& count);
/// The means of parts of one side, from `begin` to before `end`, int32 [parts, 1].
tf::Tensor means(const tf::Tensor& x, std::size_t side, const tf::Tensor& begin, const tf::Tensor& end);

/// The largest of each window, and where they are, int32: the place of the first one where several are as large.
struct Maxima {
  tf::Tensor values;
  tf::Tensor places;
};

/// What is not the largest has this place, and so never the smallest one.
constexpr std::int32_t kNowhere = std::numeric_limits<std::int32_t>::max();

/// int32 [1, sides..., 1]: the elements of a channel counted in PyTorch's order.
tf::Tensor places_in(const tf::Tensor& x);
/// The places of those elements of x that are as large as `largest`.
tf::Tensor places_where_largest(const tf::Tensor& x, const tf::Tensor& largest, const tf::Tensor& places);
/// Two tensors, as PyTorch has them.
Value result_of(const Operation& op, const Maxima& maxima, int axes);

}  // namespace crossload::lowering

#include "lowering/pools.h"

#include "tf/ops.h"

namespace crossload::lowering {

using tf::Tensor;

namespace {

bool has_batch(const Operation& op, int axes) { return op.rank_of("self") == axes + 2; }

}  // namespace

Tensor image_of(const Operation& op, int axes) {
  const Tensor x = has_batch(op, axes) ? op.forms("self").channels_last()
                                       : Forms::plain(tf::expand_dims(op.tensor("self"), 0))->channels_last();
  return axes == 1 ? tf::expand_dims(x, 1) : x;
}

Value result_of(const Operation& op, const Tensor& y, int axes) {
  const auto result = Forms::channels_last(axes == 1 ? tf::squeeze(y, 1) : y);
  return has_batch(op, axes) ? Value(result) : Value(tf::squeeze(result->plain(), 0));
}

Tensor column(const Operation& op, const tf::Dim& count) { return tf::expand_dims(tf::range(op.graph(), count), 1); }

Tensor means(const Tensor& x, std::size_t side, const Tensor& begin, const Tensor& end) {
  const tf::Dim size = tf::dims_of(x)[side + 1];
  const Tensor j = tf::expand_dims(tf::range(x.graph(), size), 0);
  const Tensor is_part = tf::logical_and(tf::less_equal(begin, j), tf::less(j, end));
  const Tensor weights = tf::cast(is_part, tf::DataType::kFloat) / tf::cast(end - begin, tf::DataType::kFloat);
  // Of an image "oh,bhwc->bowc" for its height, "ow,bhwc->bhoc" for its width.
  const std::string axes = sides_of(x) == 3 ? "bfhwc" : "bhwc";
  std::string result = axes;
  result[side + 1] = 'o';
  const std::string equation = std::string("o") + axes[side + 1] + "," + axes + "->" + result;
  return tf::einsum(equation, converted(weights, x.dtype()), x);
}

Tensor places_in(const Tensor& x) {
  tf::Dims sizes = tf::dims_of(x);
  sizes.front() = sizes.back() = 1;
  tf::Dim count = 1;
  for (const tf::Dim& size : sizes) count = count * size;
  return reshaped(tf::range(x.graph(), count), sizes);
}

Tensor places_where_largest(const Tensor& x, const Tensor& largest, const Tensor& places) {
  return tf::where(tf::less(x, largest), kNowhere, places);
}

Value result_of(const Operation& op, const Maxima& maxima, int axes) {
  const Tensor places = tf::broadcast_to(maxima.places, tf::dims_of(maxima.values));
  return Value::List{result_of(op, maxima.values, axes), result_of(op, tf::cast(places, tf::DataType::kInt64), axes)};
}

}  // namespace crossload::lowering

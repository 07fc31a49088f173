#include "keras/normalized.h"

#include "tf/ops.h"

namespace crossload::keras {

tf::Tensor normalized(const tf::Tensor& x, const std::vector<int>& axes, double epsilon) {
  const tf::Tensor centred = x - tf::reduce_mean(x, axes, /*keep_dims=*/true);
  return centred * tf::rsqrt(tf::reduce_mean(tf::square(centred), axes, /*keep_dims=*/true) + epsilon);
}

}  // namespace crossload::keras

#include "lowering/forms.h"

#include <algorithm>
#include <numeric>

#include "tf/ops.h"

namespace crossload::lowering {

std::shared_ptr<Forms> Forms::plain(tf::Tensor tensor) {
  auto forms = std::make_shared<Forms>();
  forms->plain_ = std::move(tensor);
  return forms;
}

std::shared_ptr<Forms> Forms::channels_last(tf::Tensor tensor) {
  auto forms = std::make_shared<Forms>();
  forms->channels_last_ = std::move(tensor);
  return forms;
}

std::shared_ptr<Forms> Forms::rows(tf::Tensor tensor, tf::Dims lead) {
  auto forms = std::make_shared<Forms>();
  forms->rows_ = std::move(tensor);
  forms->lead_ = std::move(lead);
  return forms;
}

const tf::Tensor& Forms::plain() {
  if (plain_) return *plain_;
  if (rows_) {
    tf::Dims dims = lead_;
    dims.emplace_back(rows_->dim(-1));
    plain_ = reshaped(*rows_, dims);
  } else {
    std::vector<int> permutation(static_cast<std::size_t>(channels_last_->rank()));
    std::iota(permutation.begin() + 2, permutation.end(), 1);
    permutation[1] = channels_last_->rank() - 1;
    plain_ = tf::transpose(*channels_last_, permutation);
  }
  return *plain_;
}

const tf::Tensor& Forms::channels_last() {
  if (channels_last_) return *channels_last_;
  const tf::Tensor& x = plain();
  std::vector<int> permutation(static_cast<std::size_t>(x.rank()));
  std::iota(permutation.begin() + 1, permutation.end(), 2);
  permutation.back() = 1;
  channels_last_ = tf::transpose(x, permutation);
  return *channels_last_;
}

std::vector<tf::Tensor> Forms::all() const {
  std::vector<tf::Tensor> tensors;
  for (const auto* form : {&plain_, &channels_last_, &rows_}) {
    if (*form) tensors.push_back(**form);
  }
  return tensors;
}

tf::Tensor reshaped(const tf::Tensor& x, tf::Dims dims) {
  const auto is = [](std::int64_t size) {
    return [size](const tf::Dim& dim) { return dim.known() && dim.size() == size; };
  };
  const auto unknown = std::find_if(dims.rbegin(), dims.rend(), [](const tf::Dim& dim) { return !dim.known(); });
  if (unknown != dims.rend() && std::ranges::none_of(dims, is(-1)) && std::ranges::none_of(dims, is(0))) *unknown = -1;
  return tf::reshape(x, dims);
}

}  // namespace crossload::lowering

// A tensor in the layouts that the operations of TensorFlow want, each made when it is first asked for: so a chain of
// convolutions, or of matrix products, changes its layout once at the beginning and once at the end.
#pragma once

#include <memory>
#include <optional>

#include "tf/dim.h"

namespace crossload::lowering {

class Forms {
 public:
  /// As PyTorch has it.
  static std::shared_ptr<Forms> plain(tf::Tensor tensor);
  /// [batch, ..., channels] of what PyTorch has as [batch, channels, ...].
  static std::shared_ptr<Forms> channels_last(tf::Tensor tensor);
  /// [all others, features] of what PyTorch has as [lead..., features].
  static std::shared_ptr<Forms> rows(tf::Tensor tensor, tf::Dims lead);

  bool has_plain() const { return plain_.has_value(); }
  bool has_channels_last() const { return channels_last_.has_value(); }
  bool has_rows() const { return rows_.has_value(); }

  const tf::Tensor& plain();
  /// Of a tensor of three dimensions or more.
  const tf::Tensor& channels_last();
  /// Of rows that are there: the sizes before the last one.
  const tf::Dims& lead() const { return lead_; }
  /// The rows that are there.
  const tf::Tensor& rows() const { return *rows_; }
  tf::DataType dtype() const { return any().dtype(); }
  /// The forms that are there.
  std::vector<tf::Tensor> all() const;

 private:
  const tf::Tensor& any() const { return plain_ ? *plain_ : rows_ ? *rows_ : *channels_last_; }

  std::optional<tf::Tensor> plain_;
  std::optional<tf::Tensor> channels_last_;
  std::optional<tf::Tensor> rows_;
  tf::Dims lead_;
};

/// tf::reshape, with the last size that is not known left to TensorFlow, which so needs one operation less to know it. It
/// can tell where that size is 0, and not where another one is: the first sizes, a batch or a length, are not.
tf::Tensor reshaped(const tf::Tensor& x, tf::Dims dims);

}  // namespace crossload::lowering

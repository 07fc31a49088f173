#include "lowering/elementwise.h"

#include <algorithm>

#include "tf/ops.h"

namespace crossload::lowering {
namespace {

/// A number, a size, a scalar or a vector goes with the last axis of anything.
bool fits_rows(const Operation& op, const std::string& name) {
  return op.value(name).forms() == nullptr || op.rank_of(name) < 2;
}

/// The rows of an argument of the same sizes as one that has rows.
tf::Tensor rows_like(Forms& x, const Forms& other) {
  return x.has_rows() ? x.rows() : tf::reshape(x.plain(), {-1, other.rows().dim(-1)});
}

}  // namespace

Value map(const Operation& op, const Unary& f, const std::string& name) {
  Forms& x = op.forms(name);
  const auto apply = [&](const tf::Tensor& tensor) { return f(converted(tensor, op.dtype())); };
  if (x.has_rows()) return Forms::rows(apply(x.rows()), x.lead());
  if (!x.has_plain()) return Forms::channels_last(apply(x.channels_last()));
  return apply(x.plain());
}

Value combine(const Operation& op, const Binary& f, tf::DataType dtype, const std::string& a, const std::string& b) {
  const Value left = op.value(a);
  const Value right = op.value(b);
  Forms* x = left.forms();
  Forms* y = right.forms();
  const auto apply = [&](const tf::Tensor& one, const tf::Tensor& other) {
    return f(converted(one, dtype), converted(other, dtype));
  };
  if (op.is_tensor(a) && op.is_tensor(b) && op.type_of(a).shape == op.type_of(b).shape) {
    if (x->has_channels_last() && y->has_channels_last()) {
      return Forms::channels_last(apply(x->channels_last(), y->channels_last()));
    }
    const bool no_channels = !x->has_channels_last() && !y->has_channels_last();
    if (no_channels && op.rank_of(a) > 2 && (x->has_rows() || y->has_rows())) {
      const Forms& has = x->has_rows() ? *x : *y;
      return Forms::rows(apply(rows_like(*x, has), rows_like(*y, has)), has.lead());
    }
  }
  const auto same_rank = [&](const char* of) { return op.type_of(of).shape == op.type().shape; };
  if (x != nullptr && x->has_rows() && fits_rows(op, b) && same_rank(a.c_str())) {
    return Forms::rows(apply(x->rows(), op.tensor(b, dtype)), x->lead());
  }
  if (y != nullptr && y->has_rows() && fits_rows(op, a) && same_rank(b.c_str())) {
    return Forms::rows(apply(op.tensor(a, dtype), y->rows()), y->lead());
  }
  if (x != nullptr && !x->has_plain() && x->has_channels_last() && y == nullptr) {
    return Forms::channels_last(apply(x->channels_last(), op.tensor(b, dtype)));
  }
  return f(op.tensor(a, dtype), op.tensor(b, dtype));
}

}  // namespace crossload::lowering

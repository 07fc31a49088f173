// Sizes to compute with: `dims[1] + 1`, `floor_div(dims[2], 2)`. What is known now is folded; the rest becomes scalars.
#pragma once

#include <compare>
#include <concepts>
#include <optional>
#include <vector>

#include "tf/graph.h"

namespace crossload::tf {

/// A size that is known now, or a scalar int32 tensor that is known at run time.
class Dim {
 public:
  template <std::integral T>
  Dim(T size) : size_(static_cast<std::int64_t>(size)) {}
  /// A scalar of any integer type. Throws OperationError for another tensor.
  Dim(const Tensor& size);
  bool known() const { return !tensor_.has_value(); }
  /// -1 when it is not known.
  std::int64_t size() const { return size_; }
  /// Throws OperationError for a known size that int32 cannot hold.
  Tensor as_tensor(Graph& graph) const;

  // Each throws OperationError when a known result does not fit 63 bits.
  friend Dim operator+(const Dim& a, const Dim& b) { return sum(a, b); }
  friend Dim operator-(const Dim& a, const Dim& b) { return difference(a, b); }
  friend Dim operator*(const Dim& a, const Dim& b) { return product(a, b); }
  friend Dim operator-(const Dim& a) { return difference(0, a); }
  // Answers while the graph is made. Throws OperationError when it takes a run to know.
  friend bool operator==(const Dim& a, const Dim& b) { return std::is_eq(compare(a, b)); }
  friend std::strong_ordering operator<=>(const Dim& a, const Dim& b) { return compare(a, b); }

 private:
  friend Dim floor_div(const Dim& a, const Dim& b);
  friend Dim mod(const Dim& a, const Dim& b);
  friend Dim minimum(const Dim& a, const Dim& b);
  friend Dim maximum(const Dim& a, const Dim& b);
  static Dim sum(const Dim& a, const Dim& b);
  static Dim difference(const Dim& a, const Dim& b);
  static Dim product(const Dim& a, const Dim& b);
  static std::strong_ordering compare(const Dim& a, const Dim& b);
  bool is(std::int64_t size) const { return known() && size_ == size; }
  bool is_same_tensor(const Dim& other) const;
  /// The graph of a or b, one of which is not known.
  static Dim at_run_time(const char* type, const Dim& a, const Dim& b);

  std::int64_t size_;
  std::optional<Tensor> tensor_;
};

using Dims = std::vector<Dim>;

/// The quotient rounded down, as Python's //, and what remains, of the divisor's sign. Each throws OperationError for a
/// divisor that is known to be 0.
Dim floor_div(const Dim& a, const Dim& b);
Dim mod(const Dim& a, const Dim& b);
Dim minimum(const Dim& a, const Dim& b);
Dim maximum(const Dim& a, const Dim& b);

/// The sizes of a tensor, known ones as numbers.
Dims dims_of(const Tensor& x);
/// An int32 vector of sizes.
Tensor pack_dims(Graph& graph, const Dims& dims);

}  // namespace crossload::tf

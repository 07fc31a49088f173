// PyTorch's operations, and what each is in TensorFlow. A line of the table reads as PyTorch's documentation:
//
//   table->add("aten.rsub.Scalar", [](const Operation& op) { return op.tensor("other", op.dtype()) - ... });
//
// Source of what an operation means: torch's own documentation and native_functions.yaml of the version traced with.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "lowering/operation.h"

namespace crossload::lowering {

class Table {
 public:
  using Lower = std::function<Value(const Operation&)>;

  void add(const std::string& op, Lower lower) { rows_[op] = std::move(lower); }
  /// Those that are alike.
  void add_each(const std::vector<std::string>& ops, const Lower& lower) {
    for (const std::string& op : ops) add(op, lower);
  }
  /// Null for an operation that is not there.
  const Lower* find(const std::string& op) const;
  std::vector<std::string> names() const;

 private:
  std::map<std::string, Lower> rows_;
};

/// Every operation that is known.
const Table& operations();

// By families, a file each.
void add_symbols(Table* table);
void add_shapes(Table* table);
void add_creation(Table* table);
void add_elementwise(Table* table);
void add_arithmetic(Table* table);
void add_reductions(Table* table);
void add_orders(Table* table);
void add_special(Table* table);
void add_matrices(Table* table);
void add_linear_algebra(Table* table);
void add_indexing(Table* table);
void add_scatters(Table* table);
void add_copies(Table* table);
void add_pools(Table* table);
void add_adaptive_pools(Table* table);
void add_sampling(Table* table);
void add_recurrent(Table* table);
void add_complex(Table* table);
void add_norms(Table* table);
void add_images(Table* table);
void add_convolutions(Table* table);

}  // namespace crossload::lowering

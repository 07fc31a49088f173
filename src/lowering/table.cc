#include "lowering/table.h"

namespace crossload::lowering {

const Table::Lower* Table::find(const std::string& op) const {
  const auto found = rows_.find(op);
  return found == rows_.end() ? nullptr : &found->second;
}

std::vector<std::string> Table::names() const {
  std::vector<std::string> names;
  for (const auto& [name, lower] : rows_) names.push_back(name);
  return names;
}

const Table& operations() {
  static const Table table = [] {
    Table made;
    for (const auto add :
         {add_symbols,    add_shapes,       add_copies,  add_creation, add_elementwise,    add_arithmetic,
          add_reductions, add_orders,       add_special, add_matrices, add_linear_algebra, add_indexing,
          add_scatters,   add_norms,        add_images,  add_pools,    add_adaptive_pools, add_sampling,
          add_recurrent,  add_convolutions, add_complex}) {
      add(&made);
    }
    return made;
  }();
  return table;
}

}  // namespace crossload::lowering

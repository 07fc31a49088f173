#include "keras/rows.h"

#include "keras/model_graph.h"
#include "tf/ops.h"

namespace crossload::keras {

Rows rows_of(const tf::Tensor& x) {
  ModelGraph& graph = ModelGraph::of(x);
  if (const Rows* known = graph.rows_of(x)) return *known;
  tf::Dims lead = tf::dims_of(x);
  const tf::Dim features = lead.back();
  lead.pop_back();
  const Rows rows = {tf::reshape(x, {-1, features}), lead};
  graph.set_rows(x, rows);
  return rows;
}

tf::Tensor unfolded(const Rows& rows) {
  tf::Dims dims = rows.lead;
  dims.push_back(tf::dims_of(rows.matrix).back());
  const tf::Tensor x = tf::reshape(rows.matrix, dims);
  ModelGraph::of(x).set_rows(x, rows);
  return x;
}

bool has_rows(const tf::Tensor& x) { return ModelGraph::of(x).rows_of(x) != nullptr; }

tf::Tensor residual(const tf::Tensor& x, const tf::Tensor& y) {
  if (!has_rows(x) || !has_rows(y)) return x + y;
  const Rows first = rows_of(y);
  return unfolded({rows_of(x).matrix + first.matrix, first.lead});
}

}  // namespace crossload::keras

// Recurrent layers: one operation of TensorFlow for all steps of a layer.
#include "lowering/table.h"
#include "tf/ops.h"

namespace crossload::lowering {
namespace {

using tf::Tensor;

/// A direction of a layer: what PyTorch has as weights [4 * hidden, in], [4 * hidden, hidden] and two biases, whose gates
/// come in the order of TensorFlow's operation: input, cell, forget, output are PyTorch's i, g, f, o.
struct Direction {
  Tensor weights;  // [in + hidden, 4 * hidden]
  Tensor bias;     // [4 * hidden]
};

struct Results {
  Tensor h;  // [time, batch, hidden], of every step
  Tensor c;
};

Tensor member(const std::vector<Value>& list, std::size_t i) { return list.at(i).forms()->plain(); }

Direction direction_of(const std::vector<Value>& parameters, std::size_t first, bool has_biases) {
  const Tensor from_input = tf::transpose(member(parameters, first), {1, 0});
  const Tensor from_state = tf::transpose(member(parameters, first + 1), {1, 0});
  const Tensor weights = tf::concat({from_input, from_state}, 0);
  if (!has_biases) return {weights, tf::zeros_like(tf::select(weights, 0, 0))};
  return {weights, member(parameters, first + 2) + member(parameters, first + 3)};
}

/// x [time, batch, in], h and c [batch, hidden]
Results run(const Operation& op, const Tensor& x, const Tensor& h, const Tensor& c, const Direction& direction) {
  const Tensor steps = tf::cast(tf::dims_of(x)[0].as_tensor(op.graph()), tf::DataType::kInt64);
  const Tensor no_peephole = tf::zeros_like(tf::select(c, 0, 0));
  const std::vector<Tensor> made = op.graph()
                                       .operation("BlockLSTMV2")
                                       .input(steps)
                                       .input(x)
                                       .input(c)
                                       .input(h)
                                       .input(direction.weights)
                                       .input(no_peephole)
                                       .input(no_peephole)
                                       .input(no_peephole)
                                       .input(direction.bias)
                                       .number("cell_clip", 0)
                                       .flag("use_peephole", false)
                                       .outputs();
  return {made.at(6), made.at(1)};  // of i, cs, f, o, ci, co, h
}

Tensor last(const Tensor& steps) { return tf::select(steps, 0, tf::dims_of(steps)[0] - 1); }

/// -> [..., hidden] of every step, and the last h and c of every layer and direction.
Value lstm(const Operation& op) {
  if (op.rank_of("input") != 3) op.fail("without a batch is not supported");
  const std::vector<Value> parameters = op.list("params");
  const std::vector<Value> states = op.list("hx");
  const bool has_biases = op.flag("has_biases");
  const bool batch_first = op.flag("batch_first");
  const std::size_t directions = op.flag("bidirectional") ? 2 : 1;
  const std::size_t each = has_biases ? 4 : 2;
  const auto layers = static_cast<std::size_t>(op.integer("num_layers"));
  if (parameters.size() != layers * directions * each) op.fail("with projections is not supported");
  Tensor x = op.tensor("input");
  if (batch_first) x = tf::transpose(x, {1, 0, 2});
  std::vector<Tensor> all_h;
  std::vector<Tensor> all_c;
  for (std::size_t layer = 0; layer < layers; ++layer) {
    std::vector<Tensor> ways;
    for (std::size_t way = 0; way < directions; ++way) {
      const std::size_t at = layer * directions + way;
      const auto state = [&](std::size_t i) { return tf::select(member(states, i), 0, tf::Dim(at)); };
      const Direction direction = direction_of(parameters, at * each, has_biases);
      const Results results = run(op, way == 0 ? x : tf::reverse(x, {0}), state(0), state(1), direction);
      all_h.push_back(last(results.h));
      all_c.push_back(last(results.c));
      ways.push_back(way == 0 ? results.h : tf::reverse(results.h, {0}));
    }
    x = ways.size() == 1 ? ways.front() : tf::concat(ways, 2);
  }
  return Value::List{batch_first ? tf::transpose(x, {1, 0, 2}) : x, tf::stack(all_h), tf::stack(all_c)};
}

}  // namespace

void add_recurrent(Table* table) { table->add("aten.lstm.input", lstm); }

}  // namespace crossload::lowering

// Recurrent layers: the product with what all steps read, and a loop over the steps, of which there may be any number.
#include "lowering/scan.h"
#include "lowering/table.h"
#include "tf/ops.h"

namespace crossload::lowering {
namespace {

using tf::Tensor;

/// Of one direction of a layer, as PyTorch has it: the rows of each gate after those of the one before.
struct Parameters {
  Tensor from_input;  // [gates * hidden, in]
  Tensor from_state;  // [gates * hidden, width]
  std::optional<Tensor> input_bias;
  std::optional<Tensor> state_bias;
  std::optional<Tensor> projection;  // [width, hidden]
};

/// x [time, batch, in], the states before the first step [batch, width].
using Direction = std::function<Scanned(const Tensor& x, const Tensors& states, const Parameters& parameters)>;

/// [..., in] -> [..., out], by a weight as PyTorch has it.
Tensor product(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias) {
  tf::Dims dims = tf::dims_of(x);
  const Tensor rows = x.rank() == 2 ? x : tf::reshape(x, {-1, dims.back()});
  Tensor y = tf::matmul(rows, weight, false, true);
  if (bias) y = tf::bias_add(y, *bias);
  if (x.rank() == 2) return y;
  dims.back() = tf::dims_of(weight)[0];
  return tf::reshape(y, dims);
}

std::optional<Tensor> sum_of_biases(const Parameters& parameters) {
  if (!parameters.input_bias) return std::nullopt;
  return *parameters.input_bias + *parameters.state_bias;
}

/// h' = f(W_in x + b_in + W_h h + b_h)
Direction simple(const std::string& name, Tensor (*f)(const Tensor&)) {
  return [=](const Tensor& x, const Tensors& states, const Parameters& parameters) {
    const Tensor of_x = product(x, parameters.from_input, sum_of_biases(parameters));
    const auto step = [f](const Tensor& of_step, const Tensors& state, const Tensors& weight) {
      return Tensors{f(of_step + product(state[0], weight[0], std::nullopt))};
    };
    return scan(name, of_x, states, {parameters.from_state}, step);
  };
}

/// r, z = sigmoid(W_in x + b_in + W_h h + b_h), n = tanh(W_in x + b_in + r * (W_h h + b_h)), h' = n + z * (h - n). Of the
/// biases b_h only that of n is not in `of_step` already: TensorFlow joins a product and its bias into one operation, which
/// arranges the weight anew at each step and takes ten times as long.
Tensors gru_step(const Tensor& of_step, const Tensors& states, const Tensors& constants) {
  const Tensor& h = states[0];
  const Tensors of_x = tf::split(of_step, 3, 1);
  const Tensors of_h = tf::split(product(h, constants[0], std::nullopt), 3, 1);
  const Tensor r = tf::sigmoid(of_x[0] + of_h[0]);
  const Tensor z = tf::sigmoid(of_x[1] + of_h[1]);
  const Tensor n = tf::tanh(of_x[2] + r * (constants.size() > 1 ? of_h[2] + constants[1] : of_h[2]));
  return {n + z * (h - n)};
}

Scanned gru(const Tensor& x, const Tensors& states, const Parameters& parameters) {
  Tensors constants = {parameters.from_state};
  std::optional<Tensor> bias = parameters.input_bias;
  if (bias) {
    const Tensors of_gates = tf::split(*parameters.state_bias, 3, 0);
    bias = *bias + tf::concat({of_gates[0], of_gates[1], tf::zeros_like(of_gates[2])}, 0);
    constants.push_back(of_gates[2]);
  }
  return scan("gru", product(x, parameters.from_input, bias), states, constants, gru_step);
}

/// i, f, o = sigmoid(...), g = tanh(...), c' = f * c + i * g, h' = W_p (o * tanh(c')), or without W_p
Tensors lstm_step(const Tensor& of_step, const Tensors& states, const Tensors& constants) {
  const Tensors gates = tf::split(of_step + product(states[0], constants[0], std::nullopt), 4, 1);
  const Tensor c = tf::sigmoid(gates[1]) * states[1] + tf::sigmoid(gates[0]) * tf::tanh(gates[2]);
  const Tensor h = tf::sigmoid(gates[3]) * tf::tanh(c);
  return {constants.size() > 1 ? product(h, constants[1], std::nullopt) : h, c};
}

Scanned lstm(const Tensor& x, const Tensors& states, const Parameters& parameters) {
  Tensors constants = {parameters.from_state};
  if (parameters.projection) constants.push_back(*parameters.projection);
  const Tensor of_x = product(x, parameters.from_input, sum_of_biases(parameters));
  return scan("lstm", of_x, states, constants, lstm_step);
}

/// What an operation has of each direction of each layer.
std::vector<Parameters> parameters_of(const Operation& op, std::size_t count) {
  const std::vector<Value> list = op.list("params");
  const bool has_biases = op.flag("has_biases");
  const std::size_t each = list.size() / count;
  const auto member = [&](std::size_t i) { return list.at(i).forms()->plain(); };
  std::vector<Parameters> all;
  for (std::size_t at = 0; at < list.size(); at += each) {
    Parameters& one = all.emplace_back(Parameters{member(at), member(at + 1), {}, {}, {}});
    if (has_biases) {
      one.input_bias = member(at + 2);
      one.state_bias = member(at + 3);
    }
    if (each == 3 || each == 5) one.projection = member(at + each - 1);
  }
  return all;
}

/// The states before the first step, each [layers * directions, batch, width]: one tensor, or a list of two.
Tensors states_of(const Operation& op) {
  if (op.node().op != "aten.lstm.input") return {op.tensor("hx")};
  Tensors states;
  for (const Value& state : op.list("hx")) states.push_back(state.forms()->plain());
  return states;
}

/// -> [..., directions * width] of every step, and each state of every layer and direction after the last one.
Value layers(const Operation& op, const Direction& direction) {
  if (op.rank_of("input") != 3) op.fail("without a batch is not supported");
  const bool batch_first = op.flag("batch_first");
  const std::size_t directions = op.flag("bidirectional") ? 2 : 1;
  const std::vector<Parameters> parameters =
      parameters_of(op, static_cast<std::size_t>(op.integer("num_layers")) * directions);
  const Tensors before = states_of(op);
  std::vector<Tensors> after(before.size());
  Tensor x = op.tensor("input");
  if (batch_first) x = tf::transpose(x, {1, 0, 2});
  for (std::size_t first = 0; first < parameters.size(); first += directions) {
    Tensors ways;
    for (std::size_t at = first; at < first + directions; ++at) {
      const bool is_reverse = at != first;
      Tensors states;
      for (const Tensor& state : before) states.push_back(tf::select(state, 0, tf::Dim(at)));
      const Scanned scanned = direction(is_reverse ? tf::reverse(x, {0}) : x, states, parameters.at(at));
      for (std::size_t i = 0; i < after.size(); ++i) after[i].push_back(scanned.states.at(i));
      ways.push_back(is_reverse ? tf::reverse(scanned.steps, {0}) : scanned.steps);
    }
    x = directions == 1 ? ways.front() : tf::concat(ways, 2);
  }
  Value::List results = {batch_first ? tf::transpose(x, {1, 0, 2}) : x};
  for (const Tensors& state : after) results.emplace_back(tf::stack(state));
  return results;
}

}  // namespace

void add_recurrent(Table* table) {
  const auto add = [table](const std::string& op, const Direction& direction) {
    table->add(op, [direction](const Operation& operation) { return layers(operation, direction); });
  };
  add("aten.rnn_tanh.input", simple("rnn_tanh", tf::tanh));
  add("aten.rnn_relu.input", simple("rnn_relu", tf::relu));
  add("aten.gru.input", gru);
  add("aten.lstm.input", lstm);
}

}  // namespace crossload::lowering

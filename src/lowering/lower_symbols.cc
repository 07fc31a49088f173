// Sizes, which PyTorch computes with as Python does.
#include "lowering/table.h"
#include "tf/ops.h"

namespace crossload::lowering {
namespace {

using tf::Dim;

/// On floating symbols: numbers, or scalars of the graph.
tf::Tensor floating(const Operation& op, const char* name) { return op.tensor(name, tf::DataType::kFloat); }

bool is_floating(const Value& value) {
  if (value.get<double>()) return true;
  return value.forms() != nullptr && tf::is_floating(value.forms()->dtype());
}

using OnDims = Dim (*)(const Dim&, const Dim&);
using OnTensors = tf::Tensor (*)(const tf::Tensor&, const tf::Tensor&);

void add_binary(Table* table, const char* name, OnDims on_dims, OnTensors on_tensors) {
  table->add(name, [=](const Operation& op) -> Value {
    if (is_floating(op.value("a")) || is_floating(op.value("b")))
      return on_tensors(floating(op, "a"), floating(op, "b"));
    return on_dims(op.dim("a"), op.dim("b"));
  });
}

void add_comparison(Table* table, const char* name, bool (*known)(std::int64_t, std::int64_t), OnTensors on_tensors) {
  table->add(name, [=](const Operation& op) -> Value {
    if (is_floating(op.value("a")) || is_floating(op.value("b")))
      return on_tensors(floating(op, "a"), floating(op, "b"));
    const Dim a = op.dim("a");
    const Dim b = op.dim("b");
    if (a.known() && b.known()) return known(a.size(), b.size());
    return on_tensors(a.as_tensor(op.graph()), b.as_tensor(op.graph()));
  });
}

}  // namespace

void add_symbols(Table* table) {
  table->add("aten.sym_size.int",
             [](const Operation& op) -> Value { return op.dim_of("self", static_cast<int>(op.integer("dim"))); });
  table->add("aten.sym_numel.default", [](const Operation& op) -> Value {
    Dim count = 1;
    for (const Dim& dim : op.dims_of("self")) count = count * dim;
    return count;
  });
  table->add("getitem", [](const Operation& op) -> Value {
    const std::vector<Value> list = op.list("a");
    const std::int64_t index = op.integer("b");
    const auto at = static_cast<std::size_t>(index < 0 ? index + static_cast<std::int64_t>(list.size()) : index);
    if (at >= list.size()) op.fail("has no member " + std::to_string(index));
    if (list[at].get<std::monostate>() != nullptr) {
      op.fail("member " + std::to_string(index) + " of what " + op.node_behind("a")->op + " gives is not supported");
    }
    return list[at];
  });
  add_binary(
      table, "add", [](const Dim& a, const Dim& b) { return a + b; }, tf::operator+);
  add_binary(
      table, "sub", [](const Dim& a, const Dim& b) { return a - b; }, tf::operator-);
  add_binary(
      table, "mul", [](const Dim& a, const Dim& b) { return a * b; }, tf::operator*);
  add_binary(table, "floordiv", tf::floor_div, tf::floor_div);
  add_binary(table, "mod", tf::mod, tf::mod);
  add_binary(table, "sym_min", tf::minimum, tf::minimum);
  add_binary(table, "sym_max", tf::maximum, tf::maximum);
  table->add("truediv", [](const Operation& op) -> Value { return floating(op, "a") / floating(op, "b"); });
  table->add("pow", [](const Operation& op) -> Value {
    if (is_floating(op.value("a")) || is_floating(op.value("b"))) return tf::pow(floating(op, "a"), floating(op, "b"));
    Dim power = 1;
    for (std::int64_t i = op.integer("b"); i > 0; --i) power = power * op.dim("a");
    return power;
  });
  table->add("neg", [](const Operation& op) -> Value {
    if (is_floating(op.value("a"))) return -floating(op, "a");
    return -op.dim("a");
  });
  table->add("sym_float", [](const Operation& op) -> Value { return floating(op, "a"); });
  table->add_each({"sym_int", "trunc", "floor", "ceil"}, [](const Operation& op) -> Value {
    if (!is_floating(op.value("a"))) return op.dim("a");
    const tf::Tensor x = floating(op, "a");
    const tf::Tensor whole = op.node().op == "ceil" ? tf::ceil(x) : op.node().op == "floor" ? tf::floor(x) : x;
    return Dim(tf::cast(whole, tf::DataType::kInt32));
  });
  add_comparison(
      table, "eq", [](auto a, auto b) { return a == b; }, tf::equal);
  add_comparison(
      table, "ne", [](auto a, auto b) { return a != b; }, tf::not_equal);
  add_comparison(
      table, "lt", [](auto a, auto b) { return a < b; }, tf::less);
  add_comparison(
      table, "le", [](auto a, auto b) { return a <= b; }, tf::less_equal);
  add_comparison(
      table, "gt", [](auto a, auto b) { return a > b; }, tf::greater);
  add_comparison(
      table, "ge", [](auto a, auto b) { return a >= b; }, tf::greater_equal);
  table->add_each({"sym_not", "not_", "not"}, [](const Operation& op) -> Value {
    const Value given = op.value("a");
    if (const bool* known = given.get<bool>()) return !*known;
    return tf::logical_not(op.tensor("a", tf::DataType::kBool));
  });
  table->add_each({"and", "and_"}, [](const Operation& op) -> Value {
    return tf::logical_and(op.tensor("a", tf::DataType::kBool), op.tensor("b", tf::DataType::kBool));
  });
  table->add_each({"or", "or_"}, [](const Operation& op) -> Value {
    return tf::logical_or(op.tensor("a", tf::DataType::kBool), op.tensor("b", tf::DataType::kBool));
  });
  table->add("sym_ite", [](const Operation& op) -> Value {
    const Value condition = op.value("a");
    if (const bool* known = condition.get<bool>()) return op.value(*known ? "b" : "c");
    return Dim(
        tf::where(condition.forms()->plain(), op.dim("b").as_tensor(op.graph()), op.dim("c").as_tensor(op.graph())));
  });
  table->add("aten.item.default", [](const Operation& op) -> Value {
    const tf::Tensor x = op.tensor("self");
    if (tf::is_integer(x.dtype())) return Dim(x);
    return x;
  });
}

}  // namespace crossload::lowering

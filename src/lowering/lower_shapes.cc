// Shapes, pieces and places.
#include <algorithm>
#include <numeric>

#include "lowering/table.h"
#include "tf/ops.h"

namespace crossload::lowering {
namespace {

using tf::Dim;
using tf::Dims;
using tf::Tensor;

/// PyTorch's "to the end" of a slice, and TensorFlow's largest size.
constexpr std::int64_t kEnd = 0x7fffffff;

/// An argument of this node's own type and sizes, which is what it gives.
bool changes_nothing(const Operation& op, const char* name = "self") { return op.type_of(name) == op.type(); }

Value unchanged(const Operation& op) { return op.value("self"); }

bool is_number(const program::Size& size) { return std::holds_alternative<std::int64_t>(size); }

Value view(const Operation& op) {
  if (changes_nothing(op)) return unchanged(op);
  Forms& x = op.forms("self");
  Dims dims = op.dims(op.node().args.contains("size") ? "size" : "shape");
  const auto& before = op.type_of("self").shape;
  const auto& after = op.type().shape;
  for (std::size_t i = 0; i < dims.size() && i < after.size(); ++i) {  // a size that is known is one for LiteRT, too
    if (dims[i].known() && dims[i].size() < 0 && is_number(after[i])) dims[i] = std::get<std::int64_t>(after[i]);
  }
  const bool keeps_features =
      !before.empty() && !after.empty() && is_number(after.back()) && before.back() == after.back();
  const bool are_complete = std::ranges::none_of(dims, [](const Dim& dim) { return dim.known() && dim.size() < 0; });
  if (keeps_features && before.size() == 2 && after.size() > 2 && are_complete) {
    dims.pop_back();
    return Forms::rows(x.plain(), dims);
  }
  if (keeps_features && before.size() > 2 && after.size() == 2 && x.has_rows()) return x.rows();
  return reshaped(x.has_rows() && !x.has_plain() ? x.rows() : x.plain(), dims);
}

Value expand(const Operation& op) {
  if (changes_nothing(op)) return unchanged(op);
  const Tensor x = op.tensor("self");
  Dims dims = op.dims("size");
  const int more = static_cast<int>(dims.size()) - op.rank_of("self");
  for (int i = 0; i < static_cast<int>(dims.size()); ++i) {
    Dim& dim = dims[static_cast<std::size_t>(i)];
    if (dim.known() && dim.size() == -1) dim = op.dim_of("self", i - more);
  }
  return tf::broadcast_to(x, dims);
}

Tensor swapped(const Tensor& x, int a, int b) {
  if (a == b || x.rank() < 2) return x;
  std::vector<int> permutation(static_cast<std::size_t>(x.rank()));
  std::iota(permutation.begin(), permutation.end(), 0);
  std::swap(permutation[static_cast<std::size_t>(a)], permutation[static_cast<std::size_t>(b)]);
  return tf::transpose(x, permutation);
}

Value permute(const Operation& op) {
  const std::vector<int> axes = op.rank_of("self") == 0 ? std::vector<int>() : op.axes("dims");
  Forms& x = op.forms("self");
  const int rank = static_cast<int>(axes.size());
  if (std::ranges::is_sorted(axes)) return unchanged(op);
  std::vector<int> to_last(axes.size());
  std::iota(to_last.begin(), to_last.end(), 0);
  std::rotate(to_last.begin() + std::min(rank, 1), to_last.begin() + std::min(rank, 2), to_last.end());
  if (x.has_channels_last() && rank > 2 && axes == to_last) return x.channels_last();
  if (axes == std::vector<int>{0, 3, 1, 2}) return Forms::channels_last(x.plain());
  return tf::transpose(x.plain(), axes);
}

Value squeeze(const Operation& op) {
  Tensor x = op.tensor("self");
  if (op.node().op == "aten.squeeze.dims" && op.integers("dim").empty()) return x;  // none, which is not all
  std::vector<int> axes = op.axes(op.node().args.contains("dim") ? "dim" : "none");
  std::ranges::sort(axes, std::greater());
  const auto& shape = op.type_of("self").shape;
  for (const int axis : axes) {
    if (shape[static_cast<std::size_t>(axis)] == program::Size(std::int64_t(1))) x = tf::squeeze(x, axis);
  }
  return x;
}

Value unsqueeze(const Operation& op) {
  const int rank = op.rank();
  const std::int64_t axis = op.integer("dim");
  return tf::expand_dims(op.tensor("self"), static_cast<int>(axis < 0 ? axis + rank : axis));
}

std::optional<Dim> beginning(const Operation& op) {
  if (!op.has("start")) return std::nullopt;
  const Dim start = op.dim("start");
  return start.known() && start.size() == 0 ? std::nullopt : std::optional(start);
}

std::optional<Dim> ending(const Operation& op) {
  if (!op.has("end")) return std::nullopt;
  const Dim end = op.dim("end");
  return end.known() && end.size() >= kEnd ? std::nullopt : std::optional(end);
}

Value slice(const Operation& op) {
  const std::int64_t step = op.integer("step");
  const auto begin = beginning(op);
  const auto end = ending(op);
  if (step == 1 && !begin && (!end || changes_nothing(op))) return unchanged(op);
  return tf::slice(op.tensor("self"), op.axis("dim"), begin, end, step);
}

/// Places begin, begin + step, ... of one axis take what the source has.
Tensor scattered_by_step(const Operation& op, int axis, std::int64_t step) {
  const Tensor x = op.tensor("self");
  const Tensor source = op.tensor("src");
  const Dim begin = op.has("start") ? op.dim("start") : Dim(0);
  if (begin.known() && begin.size() < 0) op.fail("a negative start is not supported with a step");
  const Tensor places = tf::range(op.graph(), op.dim_of("self", axis));
  const Tensor offsets = places - begin;
  Tensor taken = tf::logical_and(tf::greater_equal(offsets, 0), tf::equal(tf::mod(offsets, step), 0));
  if (const auto end = ending(op)) taken = tf::logical_and(taken, tf::less(places, *end));
  const Tensor of_source = tf::minimum(tf::maximum(tf::floor_div(offsets, step), 0), op.dim_of("src", axis) - 1);
  Dims dims(static_cast<std::size_t>(op.rank()), 1);
  dims[static_cast<std::size_t>(axis)] = -1;
  return tf::where(tf::reshape(taken, dims), tf::gather(source, of_source, axis), x);
}

Value slice_scatter(const Operation& op) {
  const int axis = op.axis("dim");
  if (op.type_of("src").shape[static_cast<std::size_t>(axis)] == program::Size(std::int64_t(0))) return unchanged(op);
  if (op.integer("step") != 1) return scattered_by_step(op, axis, op.integer("step"));
  const Tensor x = op.tensor("self");
  std::vector<Tensor> parts;
  if (const auto begin = beginning(op)) parts.push_back(tf::slice(x, axis, std::nullopt, begin));
  parts.push_back(op.tensor("src", op.dtype()));
  if (const auto end = ending(op)) parts.push_back(tf::slice(x, axis, end, std::nullopt));
  return parts.size() == 1 ? parts.front() : tf::concat(parts, axis);
}

Value select_scatter(const Operation& op) {
  const int axis = op.axis("dim");
  const std::int64_t index = op.integer("index");
  const Tensor x = op.tensor("self");
  std::vector<Tensor> parts;
  if (index != 0) parts.push_back(tf::slice(x, axis, std::nullopt, index));
  parts.push_back(tf::expand_dims(op.tensor("src", op.dtype()), axis));
  if (index != -1) parts.push_back(tf::slice(x, axis, index + 1, std::nullopt));
  return parts.size() == 1 ? parts.front() : tf::concat(parts, axis);
}

/// A list of one dimension that is empty stands for nothing, whatever the others' dimensions are.
bool is_nothing(const program::TensorType& type) {
  return type.shape.size() == 1 && type.shape.front() == program::Size(std::int64_t(0));
}

Value cat(const Operation& op) {
  std::vector<Forms*> forms;
  for (const std::string& node : op.nodes_of("tensors")) {
    if (!is_nothing(op.type_of_node(node))) forms.push_back(&op.forms_of_node(node));
  }
  if (forms.empty()) return tf::fill(op.graph(), {0}, op.graph().constant(0, op.dtype()));
  const int rank = op.rank();
  const std::int64_t given = op.integer("dim");
  const int axis = static_cast<int>(given < 0 ? given + rank : given);
  const bool over_channels = rank > 2 && axis == 1 && std::ranges::all_of(forms, [&](Forms* x) {
                               return x->has_channels_last() && x->dtype() == op.dtype();
                             });
  std::vector<Tensor> tensors;
  for (Forms* x : forms) tensors.push_back(over_channels ? x->channels_last() : converted(x->plain(), op.dtype()));
  if (tensors.size() == 1) return tensors.front();
  if (over_channels) return Forms::channels_last(tf::concat(tensors, -1));
  return tf::concat(tensors, axis);
}

Value stack(const Operation& op) {
  std::vector<Tensor> tensors;
  for (const Value& member : op.list("tensors")) tensors.push_back(converted(member.forms()->plain(), op.dtype()));
  const std::int64_t axis = op.integer("dim");
  return tf::stack(tensors, static_cast<int>(axis < 0 ? axis + op.rank() : axis));
}

Value split(const Operation& op) {
  const int axis = op.axis("dim");
  const Tensor x = op.tensor("self");
  const auto& types = op.types();
  Dims sizes;
  bool equal = true;
  for (const auto& type : types) {
    const program::Size& size = type->shape[static_cast<std::size_t>(axis)];
    sizes.emplace_back(is_number(size) ? std::get<std::int64_t>(size) : -1);
    equal = equal && is_number(size) && size == types.front()->shape[static_cast<std::size_t>(axis)];
  }
  if (types.size() == 1) return std::vector<Tensor>{x};
  if (equal) return tf::split(x, static_cast<int>(types.size()), axis);
  if (op.node().args.contains("split_sizes")) {
    sizes = op.dims("split_sizes");
  } else if (std::ranges::any_of(sizes, [](const Dim& size) { return size.size() < 0; })) {
    sizes.assign(types.size(), op.dim("split_size"));
    sizes.back() = -1;  // the rest
  }
  return tf::split(x, sizes, axis);
}

Value flatten(const Operation& op) {
  Dims dims = op.dims_of("self");
  if (dims.empty()) return reshaped(op.tensor("self"), {1});
  const int first = op.axis("start_dim");
  const int last = op.axis("end_dim");
  Dim count = 1;
  for (int i = first; i <= last; ++i) count = count * dims[static_cast<std::size_t>(i)];
  dims.erase(dims.begin() + first, dims.begin() + last + 1);
  dims.insert(dims.begin() + first, count);
  return reshaped(op.tensor("self"), dims);
}

Value unflatten(const Operation& op) {
  Dims dims = op.dims_of("self");
  const int axis = op.axis("dim");
  const Dims sizes = op.dims("sizes");
  dims.erase(dims.begin() + axis);
  dims.insert(dims.begin() + axis, sizes.begin(), sizes.end());
  return reshaped(op.tensor("self"), dims);
}

Value movedim(const Operation& op) {
  const std::vector<int> from = op.axes("source");
  const std::vector<int> to = op.axes("destination");
  std::vector<int> permutation(static_cast<std::size_t>(op.rank()), -1);
  for (std::size_t i = 0; i < from.size(); ++i) permutation[static_cast<std::size_t>(to[i])] = from[i];
  int next = 0;
  for (int& axis : permutation) {
    if (axis >= 0) continue;
    while (std::ranges::find(from, next) != from.end()) ++next;
    axis = next++;
  }
  return tf::transpose(op.tensor("self"), permutation);
}

/// All in the sizes to which they broadcast together.
Value broadcast_tensors(const Operation& op) {
  std::vector<Tensor> tensors;
  for (const Value& member : op.list("tensors")) tensors.push_back(member.forms()->plain());
  Tensor sizes = tf::shape(tensors.front());
  for (std::size_t i = 1; i < tensors.size(); ++i) {
    sizes = op.graph().operation("BroadcastArgs").input(sizes).input(tf::shape(tensors[i])).output();
  }
  for (Tensor& tensor : tensors) tensor = op.graph().operation("BroadcastTo").input(tensor).input(sizes).output();
  return tensors;
}

}  // namespace

void add_shapes(Table* table) {
  table->add_each({"aten.view.default", "aten._unsafe_view.default", "aten.reshape.default", "aten.view_copy.default"},
                  view);
  table->add_each(
      {"aten.clone.default", "aten.alias.default", "aten.contiguous.default", "aten.detach.default",
       "aten.detach_.default", "aten.lift_fresh_copy.default", "aten.dropout.default", "aten.view_as_real_copy"},
      unchanged);
  table->add_each({"aten.expand.default", "aten.expand_copy.default"}, expand);
  table->add("aten.expand_as.default",
             [](const Operation& op) -> Value { return tf::broadcast_to(op.tensor("self"), op.dims_of("other")); });
  table->add("aten.broadcast_tensors.default", broadcast_tensors);
  table->add("aten.transpose.int",
             [](const Operation& op) -> Value { return swapped(op.tensor("self"), op.axis("dim0"), op.axis("dim1")); });
  table->add("aten.t.default", [](const Operation& op) -> Value { return swapped(op.tensor("self"), 0, 1); });
  table->add("aten.permute.default", permute);
  table->add("aten.movedim.intlist", movedim);
  table->add("aten.unsqueeze.default", unsqueeze);
  table->add_each({"aten.squeeze.default", "aten.squeeze.dim", "aten.squeeze.dims"}, squeeze);
  table->add("aten.flatten.using_ints", flatten);
  table->add("aten.unflatten.int", unflatten);
  table->add("aten.slice.Tensor", slice);
  table->add("aten.slice_scatter.default", slice_scatter);
  table->add("aten.select_scatter.default", select_scatter);
  table->add("aten.select.int", [](const Operation& op) -> Value {
    return tf::select(op.tensor("self"), op.axis("dim"), op.dim("index"));
  });
  table->add_each({"aten.cat.default", "aten.concat.default", "aten.concatenate.default"}, cat);
  table->add("aten.stack.default", stack);
  table->add_each({"aten.split.Tensor", "aten.split_with_sizes.default", "aten.chunk.default"}, split);
  table->add("aten.unbind.int",
             [](const Operation& op) -> Value { return tf::unstack(op.tensor("self"), op.axis("dim")); });
}

}  // namespace crossload::lowering

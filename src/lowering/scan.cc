#include "lowering/scan.h"

#include <algorithm>

#include "tf/ops.h"

namespace crossload::lowering {
namespace {

using tf::DataType;
using tf::Graph;
using tf::Tensor;

/// What the loop carries, in the order in which Python's gradient of a loop wants it: the number of steps done, that of
/// all, and the rest. Lists hold a tensor for each step.
struct Carried {
  Tensor done;
  Tensor time;
  Tensors states;
  Tensor results;  // a list
  Tensor x;        // a list
  Tensors constants;

  Tensors all() const {
    Tensors all = {done, time};
    all.insert(all.end(), states.begin(), states.end());
    all.insert(all.end(), {results, x});
    all.insert(all.end(), constants.begin(), constants.end());
    return all;
  }
};

struct Sizes {
  DataType dtype;
  Shape x;  // [batch, in], of one step; the batch is -1
  std::vector<Shape> states;
  std::vector<Shape> constants;
};

/// [batch, width] of a tensor [..., batch, width].
Shape rows_of(const Tensor& tensor) { return {-1, tensor.dim(-1)}; }

Sizes sizes_of(const Tensor& x, const Tensors& states, const Tensors& constants) {
  Sizes sizes{x.dtype(), rows_of(x), {}, {}};
  for (const Tensor& state : states) sizes.states.push_back(rows_of(state));
  for (const Tensor& constant : constants) sizes.constants.push_back(constant.shape());
  return sizes;
}

/// "gru_body_float32_12_4_12x4_12_encoder_Const_17". Each loop of a graph has functions of its own, by an operation that
/// it alone has: Python's gradient makes others of them, which it names after these. And those of different graphs, which
/// may end up in one, are the same where their names are: the sizes and the kind of loop tell all that is in them.
std::string function_name(const std::string& kind, const Sizes& sizes, const Tensor& of_loop) {
  const auto text = [](std::int64_t size) { return size < 0 ? std::string("any") : std::to_string(size); };
  std::string name = kind + "_" + name_of(sizes.dtype) + "_" + text(sizes.x.back());
  for (const Shape& state : sizes.states) name += "_" + text(state.back());
  for (const Shape& constant : sizes.constants) {
    for (std::size_t i = 0; i < constant.size(); ++i) name += (i == 0 ? "_" : "x") + text(constant[i]);
  }
  std::string place = of_loop.name();
  place.resize(place.rfind(':'));
  std::ranges::replace(place, '/', '_');
  return name + "_" + place;
}

/// As an int32 vector.
Tensor shape_in(Graph* graph, const Shape& shape) {
  return graph->constant(std::vector<std::int32_t>(shape.begin(), shape.end()));
}

/// The members of x along its first axis.
Tensor list_of(const Tensor& x, const Shape& shape_of_member) {
  return x.graph().operation("TensorListFromTensor").input(x).input(shape_in(&x.graph(), shape_of_member)).output();
}

Carried arguments(Graph* graph, const Sizes& sizes) {
  const auto integer = [&](const char* name) { return graph->placeholder(DataType::kInt32, {}, name); };
  const auto list = [&](const char* name) { return graph->placeholder(DataType::kVariant, {}, name); };
  const auto several = [&](const std::string& name, const std::vector<Shape>& shapes) {
    Tensors tensors;
    for (const Shape& shape : shapes) {
      tensors.push_back(graph->placeholder(sizes.dtype, shape, name + std::to_string(tensors.size())));
    }
    return tensors;
  };
  return {integer("done"), integer("time"), several("state", sizes.states),
          list("results"), list("x"),       several("constant", sizes.constants)};
}

tf::Function function_of(const Graph& graph, const std::string& name, const Carried& arguments,
                         const Tensors& results) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < results.size(); ++i) names.push_back("result" + std::to_string(i));
  return graph.to_function(name, arguments.all(), results, names);
}

tf::Function condition(const std::shared_ptr<const tf::Library>& library, const std::string& name, const Sizes& sizes) {
  Graph graph(library);
  const Carried given = arguments(&graph, sizes);
  return function_of(graph, name, given, {tf::less(given.done, given.time)});
}

tf::Function body(const std::shared_ptr<const tf::Library>& library, const std::string& name, const Sizes& sizes,
                  const Step& step) {
  Graph graph(library);
  const Carried given = arguments(&graph, sizes);
  const Tensor x = graph.operation("TensorListGetItem")
                       .input(given.x)
                       .input(given.done)
                       .input(shape_in(&graph, sizes.x))
                       .type("element_dtype", sizes.dtype)
                       .output();
  Carried next = given;
  next.done = given.done + 1;
  next.states = step(x, given.states, given.constants);
  next.results = graph.operation("TensorListSetItem")
                     .input(given.results)
                     .input(given.done)
                     .input(next.states.front())
                     .type("element_dtype", sizes.dtype)
                     .output();
  Tensors results;
  for (const Tensor& result : next.all()) results.push_back(tf::identity(result));  // an argument is no result
  return function_of(graph, name, given, results);
}

}  // namespace

Scanned scan(const std::string& name, const Tensor& x, const Tensors& states, const Tensors& constants,
             const Step& step) {
  Graph& graph = x.graph();
  const Sizes sizes = sizes_of(x, states, constants);
  const Tensor done = graph.constant(0);
  const std::string condition_name = function_name(name + "_condition", sizes, done);
  const std::string body_name = function_name(name + "_body", sizes, done);
  graph.add_function(condition(graph.library(), condition_name, sizes));
  graph.add_function(body(graph.library(), body_name, sizes, step));
  tf::Dims dims = tf::dims_of(x);
  const Tensor time = dims[0].as_tensor(graph);
  dims.back() = tf::dims_of(states.front()).back();
  // A list of zeros, not one that TensorListReserve makes: of that LiteRT's converter has to know the batch.
  const Tensor results = list_of(tf::fill(graph, dims, tf::like(x, 0)), sizes.states.front());
  const Tensors carried = Carried{done, time, states, results, list_of(x, sizes.x), constants}.all();
  std::vector<DataType> types;
  std::vector<Shape> shapes;
  for (const Tensor& tensor : carried) {
    types.push_back(tensor.dtype());
    shapes.push_back(tensor.shape());
  }
  const Tensors made = graph.operation("StatelessWhile")
                           .inputs(carried)
                           .types("T", types)
                           .function("cond", condition_name)
                           .function("body", body_name)
                           .shapes("output_shapes", shapes)
                           .flag("_lower_using_switch_merge", true)
                           .outputs();
  const auto after = made.begin() + 2;
  const auto end = after + static_cast<std::ptrdiff_t>(states.size());
  const Tensor steps = graph.operation("TensorListStack")
                           .input(*end)
                           .input(shape_in(&graph, sizes.states.front()))
                           .type("element_dtype", sizes.dtype)
                           .output();
  return {steps, {after, end}};
}

}  // namespace crossload::lowering

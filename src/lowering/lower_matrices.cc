// Products of matrices, and attention.
#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <numeric>

#include "lowering/table.h"
#include "tf/ops.h"

namespace crossload::lowering {
namespace {

using tf::DataType;
using tf::Tensor;

/// [..., in] -> [...], by a weight that is one row.
Value linear_of_one(const Operation& op) {
  const bool is_vector = op.rank_of("input") == 1;
  const Tensor x = is_vector ? tf::expand_dims(op.tensor("input"), 0) : op.tensor("input");
  const Tensor column = tf::squeeze(tf::matmul(x, tf::expand_dims(op.tensor("weight"), 1)), -1);
  const Tensor y = is_vector ? tf::squeeze(column, 0) : column;
  return op.has("bias") ? y + op.tensor("bias") : y;
}

/// [..., in] -> [..., out], by rows: so the product and its bias, and what follows them, are operations on matrices,
/// which TensorFlow joins into one.
Value linear(const Operation& op) {
  if (op.rank_of("weight") == 1) return linear_of_one(op);
  const int rank = op.rank_of("input");
  const keras::Variable* variable = op.variable("weight");
  const bool is_kernel = variable != nullptr && variable->from_pytorch == tensor::Layout::kTranspose;  // [in, out]
  const Tensor weight = op.tensor("weight");
  Forms& x = op.forms("input");
  tf::Dims lead = x.has_rows() ? x.lead() : op.dims_of("input");
  if (!x.has_rows()) lead.pop_back();
  const Tensor rows = x.has_rows() ? x.rows()
                      : rank == 2  ? x.plain()
                                   : tf::reshape(x.plain(), {-1, op.dim_of("input", -1)});
  Tensor y = tf::matmul(rows, weight, false, !is_kernel);
  if (op.has("bias")) y = tf::bias_add(y, op.tensor("bias"));
  if (rank == 2 && !x.has_rows()) return y;
  if (rank == 1) return reshaped(y, {-1});
  return Forms::rows(y, lead);
}

/// What an argument is the transpose of, if it is the other order of the last two axes of something.
const program::Node* last_axes_swapped(const Operation& op, const std::string& name) {
  const program::Node* node = op.node_behind(name);
  if (node == nullptr || node->op != "aten.transpose.int") return nullptr;
  const auto rank = static_cast<std::int64_t>(op.rank_of(name));
  const auto axis = [&](const char* argument) {
    const auto* value = node->args.at(argument).get<std::int64_t>();
    return value == nullptr ? rank : *value < 0 ? *value + rank : *value;
  };
  const auto last = [&](std::int64_t a, std::int64_t b) { return a == rank - 2 && b == rank - 1; };
  const std::int64_t a = axis("dim0");
  const std::int64_t b = axis("dim1");
  return last(a, b) || last(b, a) ? node : nullptr;
}

struct Factor {
  Tensor tensor;
  bool transposed;
};

Factor factor(const Operation& op, const std::string& name) {
  if (const program::Node* node = last_axes_swapped(op, name)) {
    const auto* source = node->args.at("self").get<program::NodeName>();
    if (source != nullptr) return {converted(op.forms_of_node(source->name).plain(), op.dtype()), true};
  }
  return {op.tensor(name, op.dtype()), false};
}

Value matmul(const Operation& op, const std::string& second) {
  const int left = op.rank_of("self");
  const int right = op.rank_of(second);
  if (!tf::is_floating(op.dtype()) && op.dtype() != DataType::kComplex64 && op.dtype() != DataType::kInt32 &&
      op.dtype() != DataType::kInt64) {
    op.fail("of " + tf::name_of(op.dtype()) + " is not supported");
  }
  if (left > 1 && right > 1) {
    const Factor a = factor(op, "self");
    const Factor b = factor(op, second);
    return tf::matmul(a.tensor, b.tensor, a.transposed, b.transposed);
  }
  Tensor a = op.tensor("self", op.dtype());
  Tensor b = op.tensor(second, op.dtype());
  if (left == 1) a = tf::expand_dims(a, 0);
  if (right == 1) b = tf::expand_dims(b, 1);
  Tensor y = tf::matmul(a, b);
  if (right == 1) y = tf::squeeze(y, -1);
  if (left == 1) y = tf::squeeze(y, right == 1 ? -1 : -2);
  return y;
}

Tensor times(const Tensor& x, double number) { return number == 1 ? x : x * number; }

/// beta * self + alpha * (a b)
Value added_product(const Operation& op, const char* a, const char* b) {
  const Tensor product = times(tf::matmul(op.tensor(a), op.tensor(b)), op.number("alpha"));
  if (op.number("beta") == 0) return product;
  if (op.type_of(a).shape.back() == program::Size(std::int64_t(0))) {
    // TensorFlow joins the product of no elements and the sum into an operation that gives zeros.
    return tf::broadcast_to(times(op.tensor("self"), op.number("beta")), tf::dims_of(product));
  }
  const Tensor added = times(op.tensor("self"), op.number("beta"));
  return op.rank_of("self") == 1 && product.rank() == 2 && op.type_of("self").shape.back() == op.type().shape.back()
             ? tf::bias_add(product, added)
             : product + added;
}

/// Of an equation without one: what comes before the letters, then those that come once, sorted.
std::string implied_result(const std::string& equation) {
  std::string result = equation.find("...") == std::string::npos ? "" : "...";
  std::string letters;
  for (const char letter : equation) {
    if (std::isalpha(static_cast<unsigned char>(letter)) && std::ranges::count(equation, letter) == 1)
      letters += letter;
  }
  std::ranges::sort(letters);
  return result + letters;
}

/// What is in one of two operands and still asked for after them.
std::string kept_letters(const std::string& both, const std::string& after) {
  std::string kept = both.find("...") == std::string::npos ? "" : "...";
  for (const char letter : both) {
    const bool is_letter = std::isalpha(static_cast<unsigned char>(letter)) != 0;
    if (is_letter && after.find(letter) != std::string::npos && kept.find(letter) == std::string::npos) kept += letter;
  }
  return kept;
}

/// TensorFlow's takes two operands at most: as in PyTorch the first two are joined, then that and the third one, ...
Value einsum(const Operation& op) {
  std::vector<Tensor> operands;
  for (const Value& member : op.list("tensors")) operands.push_back(converted(member.forms()->plain(), op.dtype()));
  std::string equation;
  for (const char letter : op.text("equation")) {
    if (letter != ' ') equation += letter;
  }
  if (equation.find("->") == std::string::npos) equation += "->" + implied_result(equation);
  while (operands.size() > 2) {
    const std::size_t comma = equation.find(',');
    const std::size_t end = comma == std::string::npos ? comma : equation.find(',', comma + 1);
    if (end == std::string::npos) op.fail("of " + op.text("equation") + " has more tensors than the equation");
    const std::string both = equation.substr(0, end);
    const std::string kept = kept_letters(both, equation.substr(end));
    operands[1] = tf::einsum(both + "->" + kept, operands[0], operands[1]);
    operands.erase(operands.begin());
    equation = kept + equation.substr(end);
  }
  const std::size_t arrow = equation.find("->");
  const bool sums_the_rest = equation.find("...") < arrow && equation.find("...", arrow) == std::string::npos;
  if (sums_the_rest) equation.insert(arrow + 2, "...");
  const Tensor y = op.graph().operation("Einsum").inputs(operands).text("equation", equation).output();
  if (!sums_the_rest) return y;
  std::vector<int> rest(static_cast<std::size_t>(y.rank() - op.rank()));
  std::iota(rest.begin(), rest.end(), 0);
  return tf::reduce_sum(y, rest, false);
}

/// [..., n], [..., m] -> [..., out], by a matrix [n, m] for each of these.
Value bilinear(const Operation& op) {
  const Tensor by_first = tf::einsum("...n,onm->...om", op.tensor("input1"), op.tensor("weight"));
  const Tensor y = tf::einsum("...om,...m->...o", by_first, op.tensor("input2"));
  return op.has("bias") ? y + op.tensor("bias") : y;
}

/// Copies of each head of keys and values, so that every head of the queries has its own.
Tensor grouped(const Operation& op, const Tensor& x, const char* name) {
  const auto heads = [&](const char* of) { return op.dim_of(of, -3); };
  const tf::Dim copies = tf::floor_div(heads("query"), heads(name));
  if (copies.known() && copies.size() == 1) return x;
  if (op.rank_of(name) != 4) op.fail("enable_gqa is supported for four dimensions alone");
  const tf::Dims dims = op.dims_of(name);
  const Tensor repeated = tf::tile(tf::expand_dims(x, 2), {1, 1, copies, 1, 1});
  return reshaped(repeated, {dims[0], dims[1] * copies, dims[2], dims[3]});
}

/// By a number, or as the features of the queries are many.
Tensor scaled(const Operation& op, const Tensor& scores) {
  if (op.has("scale")) return scores * op.number("scale");
  const tf::Dim features = op.dim_of("query", -1);
  if (features.known()) return scores * (1 / std::sqrt(static_cast<double>(features.size())));
  return scores * tf::rsqrt(tf::like(scores, features));
}

Value attention(const Operation& op) {
  const Tensor query = op.tensor("query");
  Tensor key = op.tensor("key");
  Tensor value = op.tensor("value");
  if (op.has("enable_gqa") && op.flag("enable_gqa")) {
    key = grouped(op, key, "key");
    value = grouped(op, value, "value");
  }
  Tensor scores = scaled(op, tf::matmul(query, key, false, true));
  const double lowest = -std::numeric_limits<double>::infinity();
  if (op.flag("is_causal")) {
    scores = tf::where(tf::lower_triangle(op.graph(), op.dim_of("query", -2), op.dim_of("key", -2)), scores, lowest);
  }
  if (op.has("attn_mask")) {
    const Tensor mask = op.tensor("attn_mask");
    scores = mask.dtype() == DataType::kBool ? tf::where(mask, scores, lowest) : scores + converted(mask, op.dtype());
  }
  Tensor weights = tf::softmax(scores);
  if (op.has("attn_mask") && op.tensor("attn_mask").dtype() == DataType::kBool) {
    // A query that sees no key has zeros.
    weights = tf::where(tf::reduce_any(op.tensor("attn_mask"), {-1}, true), weights, 0.0);
  }
  return tf::matmul(weights, value);
}

/// More rows than so many, and PyTorch takes distances from products.
constexpr std::int64_t kMostRowsApart = 25;

/// Whether cdist's distances are sqrt(|a|² - 2ab + |b|²), which needs no tensor of all pairs' differences.
bool by_products(const Operation& op) {
  const std::int64_t mode = op.has("compute_mode") ? op.integer("compute_mode") : 0;
  const auto is_large = [&](const char* name) {
    const tf::Dim rows = op.dim_of(name, -2);
    return rows.known() && rows.size() > kMostRowsApart;
  };
  return op.number("p") == 2 && mode != 2 && (mode == 1 || is_large("x1") || is_large("x2"));
}

/// [..., n, features], [..., m, features] -> [..., n, m]: the p-norm of each difference.
Value cdist(const Operation& op) {
  const Tensor a = op.tensor("x1");
  const Tensor b = op.tensor("x2");
  const double p = op.number("p");
  if (by_products(op)) {
    const Tensor of_b = tf::expand_dims(tf::reduce_sum(tf::square(b), {-1}, false), -2);
    const Tensor squares = tf::reduce_sum(tf::square(a), {-1}, true) + of_b - tf::matmul(a, b, false, true) * 2;
    return tf::sqrt(tf::maximum(squares, 0));
  }
  const Tensor apart = tf::abs(tf::expand_dims(a, -2) - tf::expand_dims(b, -3));
  if (p == 0) return tf::reduce_sum(converted(tf::not_equal(apart, 0), op.dtype()), {-1}, false);
  if (p == 1) return tf::reduce_sum(apart, {-1}, false);
  if (p == 2) return tf::sqrt(tf::reduce_sum(tf::square(apart), {-1}, false));
  if (std::isinf(p)) return tf::reduce_max(apart, {-1}, false);
  return tf::pow(tf::reduce_sum(tf::pow(apart, p), {-1}, false), 1 / p);
}

}  // namespace

void add_matrices(Table* table) {
  table->add("aten.linear.default", linear);
  table->add("aten.matmul.default", [](const Operation& op) { return matmul(op, "other"); });
  table->add_each({"aten.mm.default", "aten.bmm.default"}, [](const Operation& op) { return matmul(op, "mat2"); });
  table->add("aten.mv.default", [](const Operation& op) { return matmul(op, "vec"); });
  table->add("aten.dot.default", [](const Operation& op) { return matmul(op, "tensor"); });
  table->add("aten.addmm.default", [](const Operation& op) { return added_product(op, "mat1", "mat2"); });
  table->add("aten.baddbmm.default", [](const Operation& op) { return added_product(op, "batch1", "batch2"); });
  table->add("aten.addmv.default", [](const Operation& op) -> Value {
    const Tensor column = tf::expand_dims(op.tensor("vec"), 1);
    const Tensor product = times(tf::squeeze(tf::matmul(op.tensor("mat"), column), 1), op.number("alpha"));
    return op.number("beta") == 0 ? product : product + times(op.tensor("self"), op.number("beta"));
  });
  table->add("aten.outer.default", [](const Operation& op) -> Value {
    return tf::expand_dims(op.tensor("self", op.dtype()), 1) * tf::expand_dims(op.tensor("vec2", op.dtype()), 0);
  });
  table->add("aten.einsum.default", einsum);
  table->add("aten.bilinear.default", bilinear);
  table->add("aten.cdist.default", cdist);
  table->add("aten.scaled_dot_product_attention.default", attention);
}

}  // namespace crossload::lowering

// Of matrices as such: determinants, solutions, decompositions. What PyTorch also gives of the way there, as LU factors
// and pivots, nobody can ask for.
#include "lowering/indices.h"
#include "lowering/table.h"
#include "tf/ops.h"
#include "tf/simple_ops.h"

namespace crossload::lowering {
namespace {

using tf::Tensor;

Tensor swapped(const Tensor& x) {
  if (x.rank() < 2) return x;  // which the operation itself refuses
  return tf::transpose(x, swapped_axes(x.rank(), x.rank() - 2, x.rank() - 1));
}

/// X of A X = B, or of X A = B. B may be a vector, or one for each matrix.
Value solution(const Operation& op) {
  const Tensor a = op.tensor("A");
  Tensor b = op.tensor("B");
  std::vector<program::Size> of_vectors = op.type_of("A").shape;
  if (of_vectors.size() < 2) op.fail("takes matrices");
  of_vectors.pop_back();
  const bool is_vector = b.rank() == 1 || op.type_of("B").shape == of_vectors;
  if (is_vector) b = tf::expand_dims(b, -1);
  if (b.rank() != a.rank()) op.fail("with different numbers of matrices is not supported");
  const bool is_left = is_vector || op.flag("left");
  const Tensor x =
      a.graph().operation("MatrixSolve").input(is_left ? a : swapped(a)).input(is_left ? b : swapped(b)).output();
  return Value::List{is_vector ? tf::squeeze(x, -1) : is_left ? x : swapped(x), {}, {}, {}};
}

Tensor with_ones_on_the_diagonal(const Tensor& x) {
  const Tensor ones = tf::ones_like(tf::unary("MatrixDiagPart", x));
  return x.graph().operation("MatrixSetDiag").input(x).input(ones).output();
}

/// X of A X = B, where one half of A is 0.
Tensor of_triangular(const Tensor& a, bool is_lower, const Tensor& b) {
  return a.graph().operation("MatrixTriangularSolve").input(a).input(b).flag("lower", is_lower).output();
}

Value triangular_solution(const Operation& op) {
  Tensor a = op.tensor("self");
  if (op.flag("unitriangular")) a = with_ones_on_the_diagonal(a);
  const bool is_left = op.flag("left");
  const Tensor b = op.tensor("B");
  const Tensor x = of_triangular(is_left ? a : swapped(a), op.flag("upper") != is_left, is_left ? b : swapped(b));
  return is_left ? x : swapped(x);
}

/// X of A X = B, where A is the product of a triangular factor and its transpose.
Tensor of_factor(const Tensor& factor, bool is_upper, const Tensor& b) {
  const Tensor lower = is_upper ? swapped(factor) : factor;
  return of_triangular(swapped(lower), /*is_lower=*/false, of_triangular(lower, /*is_lower=*/true, b));
}

Value cholesky_solution(const Operation& op) {
  return of_factor(op.tensor("input2"), op.flag("upper"), op.tensor("self"));
}

Value cholesky_inverse(const Operation& op) {
  const Tensor factor = op.tensor("self");
  return of_factor(factor, op.flag("upper"), with_ones_on_the_diagonal(tf::zeros_like(factor)));
}

Value cholesky(const Operation& op) {
  const Tensor lower = tf::unary("Cholesky", op.tensor("self"));
  return Value::List{op.flag("upper") ? swapped(lower) : lower, {}};
}

/// Values, the smallest first, and vectors, whose signs are nobody's choice.
Value eigen(const Operation& op) {
  const Tensor a = op.tensor("A");
  const bool is_upper = op.text("UPLO") == "U";
  const bool has_vectors = op.flag("compute_v");
  const std::vector<Tensor> found =
      a.graph().operation("SelfAdjointEigV2").input(is_upper ? swapped(a) : a).flag("compute_v", has_vectors).outputs();
  return Value::List{found[0], has_vectors ? Value(found[1]) : Value()};
}

Value singular_values(const Operation& op) {
  const bool has_vectors = op.flag("compute_uv");
  const std::vector<Tensor> found = op.graph()
                                        .operation("Svd")
                                        .input(op.tensor("A"))
                                        .flag("compute_uv", has_vectors)
                                        .flag("full_matrices", op.flag("full_matrices"))
                                        .outputs();
  if (!has_vectors) return Value::List{{}, found[0], {}};
  return Value::List{found[1], found[0], swapped(found[2])};
}

Value qr(const Operation& op) {
  const std::string mode = op.text("mode");
  if (mode == "r") op.fail("without Q is not supported");
  return op.graph().operation("Qr").input(op.tensor("A")).flag("full_matrices", mode == "complete").outputs();
}

}  // namespace

void add_linear_algebra(Table* table) {
  table->add("aten._linalg_det.default", [](const Operation& op) -> Value {
    return Value::List{tf::unary("MatrixDeterminant", op.tensor("A")), {}, {}};
  });
  table->add("aten._linalg_slogdet.default", [](const Operation& op) -> Value {
    const std::vector<Tensor> found = op.graph().operation("LogMatrixDeterminant").input(op.tensor("A")).outputs();
    return Value::List{found[0], found[1], {}, {}};
  });
  table->add("aten.linalg_inv_ex.default", [](const Operation& op) -> Value {
    return Value::List{tf::unary("MatrixInverse", op.tensor("A")), {}};
  });
  table->add("aten._linalg_solve_ex.default", solution);
  table->add("aten.linalg_solve_triangular.default", triangular_solution);
  table->add("aten.linalg_cholesky_ex.default", cholesky);
  table->add("aten.cholesky_solve.default", cholesky_solution);
  table->add("aten.cholesky_inverse.default", cholesky_inverse);
  table->add("aten._linalg_eigh.default", eigen);
  table->add("aten._linalg_svd.default", singular_values);
  table->add("aten.linalg_qr.default", qr);
}

}  // namespace crossload::lowering

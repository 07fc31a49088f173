// Normalisations.
#include <numeric>

#include "keras/normalized.h"
#include "lowering/table.h"
#include "tf/ops.h"

namespace crossload::lowering {
namespace {

using tf::Dims;
using tf::Tensor;

/// Normalized, times weight, plus bias.
Tensor scaled_and_shifted(const Tensor& x, const std::vector<int>& axes, double epsilon,
                          const std::optional<Tensor>& weight, const std::optional<Tensor>& bias) {
  Tensor y = keras::normalized(x, axes, epsilon);
  if (weight) y = y * *weight;
  return bias ? y + *bias : y;
}

std::optional<Tensor> tensor_if_given(const Operation& op, const char* name) {
  return op.has(name) ? std::optional(op.tensor(name)) : std::nullopt;
}

Value layer_norm(const Operation& op) {
  const auto axes = static_cast<int>(op.integers("normalized_shape").size());
  const auto weight = tensor_if_given(op, "weight");
  const auto bias = tensor_if_given(op, "bias");
  Forms& x = op.forms("input");
  if (axes == 1 && x.has_rows()) {
    return Forms::rows(scaled_and_shifted(x.rows(), {-1}, op.number("eps"), weight, bias), x.lead());
  }
  std::vector<int> last(static_cast<std::size_t>(axes));
  std::iota(last.begin(), last.end(), -axes);
  return scaled_and_shifted(x.plain(), last, op.number("eps"), weight, bias);
}

/// Which gives mean and variance besides, for the backward pass.
Value native_layer_norm(const Operation& op) { return Value::List{layer_norm(op), {}, {}}; }

Value rms_norm(const Operation& op) {
  const auto axes = static_cast<int>(op.integers("normalized_shape").size());
  std::vector<int> last(static_cast<std::size_t>(axes));
  std::iota(last.begin(), last.end(), -axes);
  constexpr double kFloatEpsilon = 1.1920928955078125e-07;
  const double epsilon = op.has("eps") ? op.number("eps") : kFloatEpsilon;
  const Tensor x = op.tensor("input");
  const Tensor y = x * tf::rsqrt(tf::reduce_mean(tf::square(x), last, true) + epsilon);
  return op.has("weight") ? y * op.tensor("weight") : y;
}

/// [channels] beside [batch, channels, ...]
Tensor of_channels(const Tensor& x, int rank) {
  Dims dims(static_cast<std::size_t>(rank - 1), 1);
  dims.front() = -1;
  return tf::reshape(x, dims);
}

/// y times the weight of each channel, plus its bias, where they are given.
Tensor by_channels(const Operation& op, Tensor y) {
  const int rank = op.rank_of("input");
  if (op.has("weight")) y = y * of_channels(op.tensor("weight"), rank);
  return op.has("bias") ? y + of_channels(op.tensor("bias"), rank) : y;
}

Value group_norm(const Operation& op) {
  const Tensor x = op.tensor("input");
  const Dims dims = op.dims_of("input");
  const Tensor grouped = tf::reshape(x, {dims[0], op.integer("num_groups"), -1});
  return by_channels(op, reshaped(keras::normalized(grouped, {2}, op.number("eps")), dims));
}

/// By mean and variance of the batch itself, as of kernels that are standardized. Gives both besides.
Value batch_norm_without_statistics(const Operation& op) {
  std::vector<int> axes(static_cast<std::size_t>(op.rank_of("input") - 1));
  std::iota(axes.begin(), axes.end(), 1);
  axes.front() = 0;
  return Value::List{by_channels(op, keras::normalized(op.tensor("input"), axes, op.number("eps"))), {}, {}};
}

/// On images in one operation, which TensorFlow joins with a following ReLU.
std::shared_ptr<Forms> fused_batch_norm(const Operation& op) {
  return Forms::channels_last(op.graph()
                                  .operation("FusedBatchNormV3")
                                  .input(op.forms("input").channels_last())
                                  .input(op.tensor("weight"))
                                  .input(op.tensor("bias"))
                                  .input(op.tensor("running_mean"))
                                  .input(op.tensor("running_var"))
                                  .number("epsilon", static_cast<float>(op.number("eps")))
                                  .flag("is_training", false)
                                  .outputs()
                                  .front());
}

Value batch_norm(const Operation& op) {
  if (op.has("training") && op.flag("training")) op.fail("in training is not supported");
  const int rank = op.rank_of("input");
  if (rank == 4 && op.has("weight") && op.has("bias")) return fused_batch_norm(op);
  Tensor scale = tf::rsqrt(op.tensor("running_var") + op.number("eps"));
  if (op.has("weight")) scale = scale * op.tensor("weight");
  const Tensor shift = -(op.tensor("running_mean") * scale);
  const Tensor offset = op.has("bias") ? op.tensor("bias") + shift : shift;
  if (rank == 2) return op.tensor("input") * scale + offset;
  Forms& x = op.forms("input");
  if (x.has_channels_last()) return Forms::channels_last(x.channels_last() * scale + offset);
  return x.plain() * of_channels(scale, rank) + of_channels(offset, rank);
}

/// By mean and variance of each image, or where these are not to be used, of the batches that were trained on.
Value instance_norm(const Operation& op) {
  if (!op.flag("use_input_stats")) return batch_norm(op);
  std::vector<int> axes(static_cast<std::size_t>(op.rank_of("input") - 2));
  std::iota(axes.begin(), axes.end(), 2);
  return by_channels(op, keras::normalized(op.tensor("input"), axes, op.number("eps")));
}

/// v / |v| * g, the norm over all axes but one.
Value weight_norm(const Operation& op) {
  const Tensor v = op.tensor("v");
  const std::int64_t kept = op.integer("dim");
  std::vector<int> axes;
  for (int i = 0; i < v.rank(); ++i) {
    if (i != kept) axes.push_back(i);
  }
  return v * (op.tensor("g") / tf::sqrt(tf::reduce_sum(tf::square(v), axes, true)));
}

}  // namespace

void add_norms(Table* table) {
  table->add("aten.layer_norm.default", layer_norm);
  table->add("aten.native_layer_norm.default", native_layer_norm);
  table->add("aten.rms_norm.default", rms_norm);
  table->add("aten.group_norm.default", group_norm);
  table->add("aten.instance_norm.default", instance_norm);
  table->add("aten.batch_norm.default", batch_norm);
  table->add("aten._native_batch_norm_legit.no_stats", batch_norm_without_statistics);
  table->add("aten._native_batch_norm_legit_no_training.default", [](const Operation& op) {
    return Value(Value::List{batch_norm(op), {}, {}});
  });
  table->add("aten._weight_norm.default", weight_norm);
  table->add("aten._weight_norm_interface.default", [](const Operation& op) {
    return Value(Value::List{weight_norm(op), {}});
  });
}

}  // namespace crossload::lowering

#include "flow/half_precision.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "crossload/error.h"

namespace crossload::flow {
namespace {

/// True when one of the variable's numbers is another in its type.
bool is_rounded(const keras::Variable& variable) {
  constexpr std::int64_t kAtOnce = 1 << 18;
  const tensor::TensorView& source = variable.source;
  if (variable.dtype == DType::kF32 || variable.dtype == source.dtype) return false;
  const auto rounding = variable.dtype == DType::kF16 ? tensor::through_float16 : tensor::through_bfloat16;
  const std::int64_t count = element_count(source.shape);
  std::vector<float> values(static_cast<std::size_t>(std::min(kAtOnce, count)));
  bool changes = false;
  for (std::int64_t first = 0; first < count; first += kAtOnce) {
    values.resize(static_cast<std::size_t>(std::min(kAtOnce, count - first)));
    tensor::widen_to_float32(source.dtype,
                             source.bytes.data() + static_cast<std::size_t>(first) * size_of(source.dtype),
                             static_cast<std::int64_t>(values.size()), values.data());
    for (const float value : values) {
      const float rounded = rounding(value);
      if (std::isfinite(value) && !std::isfinite(rounded)) {
        throw Error(ErrorKind::kUsage,
                    fmt::format("--dtype {}: {} holds {}, which is too large for it; give bfloat16 or float32",
                                word_of(variable.dtype), variable.key, value));
      }
      changes = changes || (rounded != value && !std::isnan(value));
    }
  }
  return changes;
}

}  // namespace

void require_formats_hold(DType dtype, const std::set<Format>& formats) {
  if (dtype != DType::kBF16 || !formats.contains(Format::kH5)) return;
  throw Error(ErrorKind::kUsage,
              "--dtype bfloat16: tf_model.h5 cannot hold it, since HDF5 has no such type; give --formats "
              "safetensors,saved_model, or --dtype float16");
}

std::size_t count_rounded(const keras::Weights& weights) {
  return static_cast<std::size_t>(std::ranges::count_if(weights.variables(), is_rounded));
}

DType common_dtype(const exporting::StoredWeights& stored) {
  if (stored.tensors().empty()) return DType::kF32;
  const DType first = stored.tensors().begin()->second.dtype;
  const bool is_half = first == DType::kF16 || first == DType::kBF16;
  const auto is_same = [&](const auto& entry) { return entry.second.dtype == first; };
  return is_half && std::ranges::all_of(stored.tensors(), is_same) ? first : DType::kF32;
}

std::string reference_weights(DType dtype, std::size_t rounded) {
  return rounded == 0 ? "" : std::string(word_of(dtype));
}

void require_weights(const verify::Trace& trace, const std::string& weights) {
  const std::string found = trace.has_metadata("weights") ? trace.metadata("weights") : "";
  if (found == weights) return;
  throw Error(
      ErrorKind::kUsage,
      fmt::format("{}: is of weights {}, and those to compare are {}; record it by `crossload record --dtype {}`",
                  trace.path().string(), found.empty() ? "as they are" : "rounded to " + found,
                  weights.empty() ? "as they are" : "rounded to " + weights, weights.empty() ? "float32" : weights));
}

}  // namespace crossload::flow

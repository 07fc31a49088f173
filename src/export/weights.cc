#include "export/weights.h"

#include <algorithm>
#include <map>
#include <string>

#include "crossload/error.h"

namespace crossload::exporting {
namespace {

constexpr std::int64_t kPieceElements =
    (2 << 20) / sizeof(float);  // so that a piece stays in the cache until it is used

void require_filled(const keras::Variable& variable) {
  const std::int64_t count = element_count(variable.source.shape);
  const auto bytes = static_cast<std::int64_t>(variable.source.bytes.size());
  const auto size = static_cast<std::int64_t>(size_of(variable.source.dtype));
  if (element_count(variable.shape) != count || bytes / size != count || bytes % size != 0) {
    throw Error(ErrorKind::kBadInput, "variable " + variable.name + " of shape " + to_string(variable.shape) +
                                          " cannot be filled from " + variable.key + " of shape " +
                                          to_string(variable.source.shape) + " and " + std::to_string(bytes) +
                                          " bytes of " + std::string(name_of(variable.source.dtype)));
  }
}

/// The same elements in the same order, seen as a tensor whose rows are as short as they can be.
keras::Variable with_short_rows(keras::Variable variable) {
  Shape& shape = variable.source.shape;
  if (variable.layout == tensor::Layout::kSame) shape = {element_count(shape)};
  if (variable.layout == tensor::Layout::kConv2D && shape.size() == 4) {
    shape = {shape[0], shape[1], shape[2] * shape[3]};
    variable.layout = tensor::Layout::kConv1D;
  }
  if (variable.layout == tensor::Layout::kConv1D && shape.size() == 3 && shape[2] == 1) {
    shape.pop_back();
    variable.layout = tensor::Layout::kTranspose;
  }
  return variable;
}

}  // namespace

std::vector<const keras::Variable*> layer_weights(const keras::TopLayer& layer) {
  std::vector<const keras::Variable*> weights = layer.variables;
  std::stable_partition(weights.begin(), weights.end(), [](const keras::Variable* v) { return v->trainable; });
  return weights;
}

std::vector<const keras::Variable*> model_weights(const std::vector<keras::TopLayer>& layers) {
  std::vector<const keras::Variable*> weights;
  std::map<std::string, const keras::Variable*> known;
  for (const keras::TopLayer& layer : layers) {
    for (const keras::Variable* variable : layer_weights(layer)) {
      const auto [entry, is_new] = known.emplace(variable->name, variable);
      if (is_new) weights.push_back(variable);
      if (entry->second != variable) {
        throw Error(ErrorKind::kBadInput,
                    "layer " + layer.name + ": two different variables are named " + variable->name);
      }
    }
  }
  return weights;
}

std::int64_t byte_size(const keras::Variable& variable) {
  return element_count(variable.shape) * static_cast<std::int64_t>(size_of(variable.dtype));
}

void put_bytes(std::span<const float> piece, DType dtype, const ByteSink& put) {
  if (dtype == DType::kF32) {
    put(std::as_bytes(piece));
    return;
  }
  std::vector<std::uint16_t> halves(piece.size());
  std::transform(piece.begin(), piece.end(), halves.begin(),
                 dtype == DType::kF16 ? tensor::float16_bits : tensor::bfloat16_bits);
  put(std::as_bytes(std::span(halves)));
}

void stream_float32(const keras::Variable& variable, const FloatSink& sink) {
  require_filled(variable);
  const keras::Variable walked = with_short_rows(variable);
  const Shape shape = tensor::apply_layout(walked.layout, walked.source.shape);
  const std::int64_t per_row = tensor::row_elements(shape);
  const std::int64_t rows = tensor::row_count(shape);
  if (rows == 0 || per_row == 0) return;
  const std::int64_t step = std::min(rows, std::max<std::int64_t>(1, kPieceElements / per_row));
  std::vector<float> piece(static_cast<std::size_t>(step * per_row));
  for (std::int64_t first = 0; first < rows; first += step) {
    const std::int64_t count = std::min(step, rows - first);
    const std::span<float> out(piece.data(), static_cast<std::size_t>(count * per_row));
    keras::read_rows(walked, first, count, out);
    sink(out);
  }
}

}  // namespace crossload::exporting

// The variables of a model as the writers of weight files walk them.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "keras/variable.h"

namespace crossload::exporting {

/// Takes the next elements of a tensor, in row-major order. The span lives until the call returns.
using FloatSink = std::function<void(std::span<const float>)>;

/// Takes the next bytes of a tensor. The span lives until the call returns.
using ByteSink = std::function<void(std::span<const std::byte>)>;

/// Passes all elements of one tensor to the sink.
using FloatProducer = std::function<void(const FloatSink&)>;

/// A layer's variables in the order of Keras' `layer.weights`: the trainable ones, then the others.
std::vector<const keras::Variable*> layer_weights(const keras::TopLayer& layer);

/// A model's variables in the order of Keras' `model.weights`: layer by layer, shared variables once. Throws
/// Error(kBadInput) when two different variables have one name.
std::vector<const keras::Variable*> model_weights(const std::vector<keras::TopLayer>& layers);

/// Bytes of the variable in its own type.
std::int64_t byte_size(const keras::Variable& variable);

/// Passes a piece of a variable's elements on as the variable's type has them. What read_rows gives is exact in it.
void put_bytes(std::span<const float> piece, DType dtype, const ByteSink& put);

/// Passes the variable's elements, in TensorFlow's layout, to the sink in pieces of about 2 MiB. A piece is larger only
/// when one row of a convolution's kernel is. Throws Error(kBadInput) when the source does not fill the shape.
void stream_float32(const keras::Variable& variable, const FloatSink& sink);

}  // namespace crossload::exporting

// A variable of a TensorFlow model and the PyTorch parameter that fills it.
#pragma once

#include <string>
#include <vector>

#include "keras/words.h"
#include "tensor/half.h"
#include "tf/data_type.h"

namespace crossload::keras {

/// Declared by a layer when it is bound; holds no data of its own.
struct Variable {
  /// TensorFlow's, without the scope of the model's class and ":0": "bert/encoder/layer_._0/.../kernel". One that lies
  /// outside that scope begins with "/": "/shared/shared/embeddings"
  std::string name;
  std::string key;                // PyTorch's, in the names of the model: "encoder.layer.0.attention.self.query.weight"
  Shape shape;                    // TensorFlow's
  Layout layout = Layout::kSame;  // what turns the source into it
  bool trainable = true;
  std::string layer;  // the direct layer of the model that holds it; empty for the one that the name begins with
  TensorView source;
  DType dtype = DType::kF32;            // TensorFlow's: float32, float16 or bfloat16
  Layout from_pytorch = Layout::kSame;  // what turns PyTorch's parameter into it, wherever the source is from
};

/// The same as TensorFlow's own.
inline tf::DataType dtype_of(const Variable& variable) { return tf::data_type_of(variable.dtype); }

/// The elements of a variable, as its type rounds them, as float32 rows; see copy_rows_as_float32.
inline void read_rows(const Variable& variable, std::int64_t first_row, std::int64_t rows, std::span<float> out) {
  copy_rows_as_float32(variable.source, variable.layout, first_row, rows, out);
  if (variable.dtype == DType::kF32 || variable.dtype == variable.source.dtype) return;
  const auto rounded = variable.dtype == DType::kF16 ? tensor::through_float16 : tensor::through_bfloat16;
  for (float& element : out) element = rounded(element);
}

/// The name as nodes of a graph may have it.
inline std::string node_name(const Variable& variable) {
  return variable.name.starts_with('/') ? variable.name.substr(1) : variable.name;
}

/// The name under which artifacts list the variable: without the first level, which is the class's scope for most.
inline std::string stored_name(const Variable& variable) {
  if (!variable.name.starts_with('/')) return variable.name;
  const std::size_t second = variable.name.find('/', 1);
  return variable.name.substr(second == std::string::npos ? 1 : second + 1);
}

/// A direct layer of a Keras model and the variables that it reaches, in the order they were made. A variable that two
/// layers share is in both, as in Keras' weights files.
struct TopLayer {
  std::string name;
  std::vector<const Variable*> variables;
};

}  // namespace crossload::keras

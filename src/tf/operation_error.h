// An operation whose inputs do not fit it.
#pragma once

#include <string>
#include <vector>

#include "crossload/error.h"
#include "tensor/tensor_view.h"

namespace crossload::tf {

/// TensorFlow refuses to make an operation, or stops when it runs it. what() is as of every Error of TensorFlow; the
/// parts say the same without the names of nodes, for whoever knows which module the node belongs to.
class OperationError : public Error {
 public:
  OperationError(const std::string& message, std::string type, std::string node, std::string reason,
                 ErrorKind kind = ErrorKind::kBadInput)
      : Error(kind, message), type_(std::move(type)), node_(std::move(node)), reason_(std::move(reason)) {}

  /// "AddV2"; empty when the graph lacks the node, as after TensorFlow has rewritten it
  const std::string& type() const { return type_; }
  /// "bert/encoder/layer_._0/attention/self/AddV2_12"
  const std::string& node() const { return node_; }
  /// "shapes [2, 4, 18, 18] and [2, 1, 1, 7] do not fit"
  const std::string& reason() const { return reason_; }

 private:
  std::string type_;
  std::string node_;
  std::string reason_;
};

/// TensorFlow's message without nodes, line ends and codes. `inputs`, as the graph knows them (-1 for a size that it
/// does not), are added where the message does not say both shapes.
std::string reason_of(const std::string& message, const std::vector<Shape>& inputs = {});

/// The node that TensorFlow's message of a failed run begins with, "{{node bert/add}}"; empty when it names none.
std::string failing_node(const std::string& message);

}  // namespace crossload::tf

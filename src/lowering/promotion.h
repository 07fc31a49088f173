// The type that PyTorch computes in when operands are of different ones.
// Source: "Type promotion" in torch.Tensor's documentation ("tensor_attributes").
#pragma once

#include <optional>
#include <vector>

#include "tf/data_type.h"

namespace crossload::lowering {

/// How much an operand has to say: a type of a lower class counts only when it is of a higher category (bool, integer,
/// floating, complex).
enum class OperandClass { kTensor, kScalarTensor, kNumber };

struct OperandType {
  tf::DataType dtype;
  OperandClass operand_class;
};

tf::DataType promoted(const std::vector<OperandType>& operands);

}  // namespace crossload::lowering

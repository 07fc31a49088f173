#include "lowering/promotion.h"

#include <algorithm>
#include <array>

namespace crossload::lowering {
namespace {

using tf::DataType;

/// Of one category the later one holds both, but for the halves.
constexpr std::array kOrder = {DataType::kBool,  DataType::kUInt8,  DataType::kInt8,     DataType::kInt16,
                               DataType::kInt32, DataType::kInt64,  DataType::kHalf,     DataType::kBFloat16,
                               DataType::kFloat, DataType::kDouble, DataType::kComplex64};

auto place(DataType dtype) { return std::ranges::find(kOrder, dtype) - kOrder.begin(); }

int category(DataType dtype) {
  if (dtype == DataType::kBool) return 0;
  if (tf::is_integer(dtype)) return 1;
  return dtype == DataType::kComplex64 ? 3 : 2;
}

DataType larger(DataType a, DataType b) {
  const auto are = [&](DataType one, DataType other) { return (a == one && b == other) || (a == other && b == one); };
  if (are(DataType::kHalf, DataType::kBFloat16)) return DataType::kFloat;
  if (are(DataType::kUInt8, DataType::kInt8)) return DataType::kInt16;
  return place(a) < place(b) ? b : a;
}

}  // namespace

DataType promoted(const std::vector<OperandType>& operands) {
  std::optional<DataType> result;
  for (const OperandClass of : {OperandClass::kTensor, OperandClass::kScalarTensor, OperandClass::kNumber}) {
    std::optional<DataType> best;
    for (const OperandType& operand : operands) {
      if (operand.operand_class == of) best = best ? larger(*best, operand.dtype) : operand.dtype;
    }
    if (best && (!result || category(*best) > category(*result))) result = best;
  }
  return result.value_or(DataType::kFloat);
}

}  // namespace crossload::lowering

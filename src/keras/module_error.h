// A module of ours that TensorFlow cannot compute.
#pragma once

#include <string>

#include "crossload/error.h"
#include "keras/place.h"
#include "tf/operation_error.h"

namespace crossload::keras {

/// Which module it is, and what is wrong with its operation.
struct ModuleFailure {
  Place place;
  Place caller;           // the module whose `call` made the call; without a class where it is not known
  std::string operation;  // "AddV2", or empty
  std::string reason;     // "shapes [2, 4, 18, 18] and [2, 1, 1, 7] do not fit"

  /// "encoder.layer.0.attention.self (TFBertSelfAttention, src/models/modeling_tf_bert.cc:92; called by ...):
  /// TensorFlow cannot compute AddV2: shapes ... do not fit"
  std::string text() const;
};

/// Thrown with kBadInput where a model is called, since the inputs may be anybody's, or with kUnsupported for an
/// operation of a traced program that is not made here.
class ModuleError : public Error {
 public:
  explicit ModuleError(ModuleFailure failure, ErrorKind kind = ErrorKind::kBadInput)
      : Error(kind, failure.text()), failure_(std::move(failure)) {}

  const ModuleFailure& failure() const { return failure_; }
  /// For whoever knows that PyTorch takes the same inputs (a verification), or that they are the model's own signature
  /// (the writer of a SavedModel): then the two frameworks' classes are not the same function, kDisagrees.
  ModuleError where_pytorch_runs() const {
    return kind() == ErrorKind::kUnsupported ? *this : ModuleError(failure_, ErrorKind::kDisagrees);
  }

 private:
  ModuleFailure failure_;
};

}  // namespace crossload::keras

// A traced program as a model like those of src/models/: bound to weights, and called into a graph.
#pragma once

#include <memory>

#include "keras/model.h"
#include "lowering/lowering.h"
#include "program/program.h"

namespace crossload::lowering {

class ProgramModel : public keras::Model {
 public:
  /// Variables are called as PyTorch's parameters; each is kept in the layout in which it is used. Throws
  /// Error(kUnsupported) for operations that are not known.
  ProgramModel(const keras::Scope& scope, std::shared_ptr<const program::Program> program, const keras::Config& config);
  keras::ModelOutput call(const keras::ModelInputs& inputs, const keras::Call& call) const override;

 private:
  const Bound& folded(const std::shared_ptr<const tf::Library>& library) const;

  std::shared_ptr<const program::Program> program_;
  mutable Bound bound_;
  mutable bool is_folded_ = false;
};

/// What the model takes: the program's inputs, integers as int32, with sizes that are fixed where the program fixes
/// them. Masks may be left out, and are then ones.
keras::Interface interface_of(const program::Program& program);

}  // namespace crossload::lowering

// TensorFlow's library, opened once a program.
#pragma once

#include <memory>

#include "tf/library.h"

namespace crossload::tf {

inline const std::shared_ptr<const Library>& library() {
  static const std::shared_ptr<const Library> opened = Library::open();
  return opened;
}

}  // namespace crossload::tf

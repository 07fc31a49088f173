// Serialized protocol buffers that TensorFlow hands out.
#pragma once

#include <string>

#include "tf/library.h"

namespace crossload::tf {

class Buffer {
 public:
  explicit Buffer(const Library& library) : library_(library), buffer_(library.TF_NewBuffer()) {}
  ~Buffer() { library_.TF_DeleteBuffer(buffer_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  operator TF_Buffer*() { return buffer_; }
  std::string text() const { return {static_cast<const char*>(buffer_->data), buffer_->length}; }

 private:
  const Library& library_;
  TF_Buffer* buffer_;
};

}  // namespace crossload::tf

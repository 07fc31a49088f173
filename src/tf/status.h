// TensorFlow's status, turned into Error in this one place.
#pragma once

#include <string>

#include "crossload/error.h"
#include "tf/library.h"

namespace crossload::tf {

class Status {
 public:
  explicit Status(const Library& library) : library_(library), status_(library.TF_NewStatus()) {}
  ~Status() { library_.TF_DeleteStatus(status_); }
  Status(const Status&) = delete;
  Status& operator=(const Status&) = delete;

  operator TF_Status*() { return status_; }
  bool ok() const { return library_.TF_GetCode(status_) == 0; }
  /// Throws Error(kBadInput) with TensorFlow's own message when the last call failed.
  void check(const std::string& what) const {
    if (!ok()) throw Error(ErrorKind::kBadInput, "TensorFlow, " + what + ": " + library_.TF_Message(status_));
  }

 private:
  const Library& library_;
  TF_Status* status_;
};

}  // namespace crossload::tf

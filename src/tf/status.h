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
  /// True when the last call failed because what it was given does not fit: TensorFlow's codes INVALID_ARGUMENT,
  /// OUT_OF_RANGE and UNIMPLEMENTED, and not for want of memory, a file or a variable's value.
  bool is_of_arguments() const {
    const int code = library_.TF_GetCode(status_);
    return code == 3 || code == 11 || code == 12;
  }
  /// TensorFlow's own words.
  std::string message() const { return library_.TF_Message(status_); }
  /// Throws Error with TensorFlow's own message when the last call failed: kEnvironment when a resource was exhausted,
  /// else kBadInput.
  void check(const std::string& what) const {
    constexpr int kResourceExhausted = 8;
    if (ok()) return;
    throw Error(library_.TF_GetCode(status_) == kResourceExhausted ? ErrorKind::kEnvironment : ErrorKind::kBadInput,
                "TensorFlow, " + what + ": " + message());
  }

 private:
  const Library& library_;
  TF_Status* status_;
};

}  // namespace crossload::tf

// TensorFlow's start-up notes, kept off the terminal.
#pragma once

namespace crossload::tf {

/// While it lives, what anybody in the process writes to stderr is dropped. TensorFlow writes notes about missing GPUs
/// there before its log level counts; its errors come as statuses, so nothing is lost.
class QuietStderr {
 public:
  QuietStderr();
  ~QuietStderr();
  QuietStderr(const QuietStderr&) = delete;
  QuietStderr& operator=(const QuietStderr&) = delete;

 private:
  int saved_;
};

}  // namespace crossload::tf

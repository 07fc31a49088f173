// Counting the steps of a job for whoever watches it.
#pragma once

#include <string>

#include "crossload/convert.h"

namespace crossload {

class Steps {
 public:
  Steps(const Progress& progress, int count) : progress_(progress), count_(count) {}
  /// Begins the next step.
  void next(const std::string& what) {
    ++step_;
    say(what);
  }
  /// Says more about the present one.
  void say(const std::string& what) const {
    if (progress_) progress_(step_, count_, what);
  }

 private:
  const Progress& progress_;
  int count_;
  int step_ = 0;
};

}  // namespace crossload

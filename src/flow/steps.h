// The steps of a job, for whoever watches it. A job says at its beginning what it will do, so they count themselves:
//
//   Steps steps(progress);
//   const Step reading = steps.add("reading my-bert");
//   const Step writing = steps.add("writing tf_model.h5");
//   reading.begin();                        // progress(1, 2, "reading my-bert")
//   writing.begin();                        // progress(2, 2, "writing tf_model.h5")
//   writing.say("half of tf_model.h5");     // progress(2, 2, "half of tf_model.h5")
#pragma once

#include <string>
#include <utility>

#include "crossload/progress.h"

namespace crossload::flow {

class Step;

/// Has to outlive its steps.
class Steps {
 public:
  explicit Steps(const Progress& progress) : progress_(progress) {}
  Steps(const Steps&) = delete;
  Steps& operator=(const Steps&) = delete;
  Step add(std::string what);

 private:
  friend class Step;
  const Progress& progress_;
  int count_ = 0;
};

class Step {
 public:
  void begin() const { say(what_); }
  /// Says more about the step while it is done.
  void say(const std::string& what) const {
    if (steps_->progress_) steps_->progress_(number_, steps_->count_, what);
  }

 private:
  friend class Steps;
  Step(const Steps* steps, int number, std::string what) : steps_(steps), number_(number), what_(std::move(what)) {}
  const Steps* steps_;
  int number_;
  std::string what_;
};

inline Step Steps::add(std::string what) { return {this, ++count_, std::move(what)}; }

}  // namespace crossload::flow

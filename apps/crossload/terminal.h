// What the program prints while it works and at the end.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

#include "crossload/outcome.h"
#include "crossload/progress.h"

namespace crossload::cli {

/// Columns of the terminal on stderr, 80 when that is none.
std::size_t terminal_width();

/// A progress bar on a terminal, one plain line a step elsewhere; on stderr.
class ProgressBar {
 public:
  ProgressBar();
  /// Ends the bar's line.
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  void show(int step, int steps, const std::string& what);
  Progress callback();

 private:
  bool terminal_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point start_;
};

/// Runs the job behind a progress bar; then the closing table and the verdict, on stdout. `wrote`: the job was to write
/// the output.
Outcome run_job(const std::function<Outcome(const Progress&)>& job, bool wrote);

}  // namespace crossload::cli

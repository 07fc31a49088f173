// What the program prints while it works and at the end.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "crossload/convert.h"

namespace crossload::program {

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

/// The closing table and the verdict, on stdout. `wrote`: the job was to write the output.
void print_result(const ConvertResult& result, double seconds, bool wrote);

}  // namespace crossload::program

// Progress of files that are fetched or sent at the same time.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "crossload/hub.h"

namespace crossload::cli {

/// On a terminal one bar a file, redrawn in place; elsewhere one plain line when a file is there. On stderr.
class TransferBars {
 public:
  /// `verb`: "fetched", "sent"
  explicit TransferBars(std::string verb);
  void show(const std::string& file, std::int64_t done, std::int64_t total);
  FileProgress callback();

 private:
  struct Row {
    std::string file;
    std::int64_t done = 0;
    std::int64_t first = 0;  // bytes that were there at the beginning
    std::int64_t total = -1;
    std::chrono::steady_clock::time_point start;
  };
  void draw();

  std::string verb_;
  bool terminal_;
  std::vector<Row> rows_;
  std::size_t drawn_ = 0;  // lines of the last drawing
  std::chrono::steady_clock::time_point last_;
};

}  // namespace crossload::cli

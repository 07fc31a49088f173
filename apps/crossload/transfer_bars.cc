#include "transfer_bars.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "terminal.h"

namespace crossload::cli {
namespace {

constexpr int kBarWidth = 20;
constexpr std::size_t kNameWidth = 34;
constexpr auto kBetweenDrawings = std::chrono::milliseconds(100);

std::string megabytes(std::int64_t bytes) {
  constexpr double kMegabyte = 1e6;
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f", static_cast<double>(bytes) / kMegabyte);
  return text;
}

}  // namespace

TransferBars::TransferBars(std::string verb) : verb_(std::move(verb)), terminal_(::isatty(STDERR_FILENO) == 1) {}

void TransferBars::show(const std::string& file, std::int64_t done, std::int64_t total) {
  const auto now = std::chrono::steady_clock::now();
  auto row = std::find_if(rows_.begin(), rows_.end(), [&](const Row& each) { return each.file == file; });
  const bool is_new = row == rows_.end();
  if (is_new) row = rows_.insert(rows_.end(), {file, done, done < total ? done : 0, total, now});
  const bool ended_before = !is_new && row->done == row->total;
  row->done = done;
  row->total = total;
  const bool ends = done == total && !ended_before;
  if (!terminal_) {
    if (ends) std::fprintf(stderr, "%s %s (%s MB)\n", verb_.c_str(), file.c_str(), megabytes(total).c_str());
    return;
  }
  if (!is_new && !ends && now - last_ < kBetweenDrawings) return;
  last_ = now;
  draw();
}

void TransferBars::draw() {
  std::string text = drawn_ > 0 ? "\r\x1b[" + std::to_string(drawn_) + "A" : "";
  const std::size_t width = terminal_width();
  for (const Row& row : rows_) {
    const int filled = row.total > 0 ? static_cast<int>(row.done * kBarWidth / row.total) : kBarWidth;
    std::string line =
        row.file.size() > kNameWidth ? "..." + row.file.substr(row.file.size() - kNameWidth + 3) : row.file;
    line.resize(kNameWidth, ' ');
    line += " [" + std::string(static_cast<std::size_t>(filled), '#') +
            std::string(static_cast<std::size_t>(kBarWidth - filled), '.') + "] " + megabytes(row.done) + "/" +
            megabytes(row.total) + " MB";
    const double seconds = std::chrono::duration<double>(last_ - row.start).count();
    if (row.done < row.total && seconds > 1) {
      line +=
          ", " + megabytes(static_cast<std::int64_t>(static_cast<double>(row.done - row.first) / seconds)) + " MB/s";
    }
    line.resize(std::min(line.size(), width - 1));
    text += "\x1b[K" + line + "\n";
  }
  drawn_ = rows_.size();
  std::fputs(text.c_str(), stderr);
  std::fflush(stderr);
}

FileProgress TransferBars::callback() {
  return [this](const std::string& file, std::int64_t done, std::int64_t total) { show(file, done, total); };
}

}  // namespace crossload::cli

#include "terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace crossload::cli {
namespace {

constexpr int kBarWidth = 20;

void print_table(const Outcome& outcome) {
  std::size_t width = 7;
  for (const TableRow& row : outcome.table) width = std::max(width, row.name.size());
  const int columns = static_cast<int>(width);
  std::printf("\n%-*s  tensors  max |TF - PT|     padded\n", columns, "part");
  for (const TableRow& row : outcome.table) {
    char padded[32] = "-";
    if (row.max_error_padded >= 0) std::snprintf(padded, sizeof(padded), "%.2e", row.max_error_padded);
    std::printf("%-*s  %7zu  %13.2e  %9s  %s\n", columns, row.name.c_str(), row.stages, row.max_error, padded,
                !row.agrees        ? "DIFFERS"
                : row.rounding > 0 ? "ok, rounding"
                                   : "ok");
  }
}

void print_outcome(const Outcome& outcome, double seconds, bool wrote) {
  std::printf("\n%s: %s\n", outcome.tensorflow_class.c_str(), outcome.verdict.c_str());
  for (const std::string& line : outcome.rounding) std::printf("  %s\n", line.c_str());
  if (outcome.verified) print_table(outcome);
  std::printf("\n%zu tensors bound, %zu tied, %zu ignored with a reason\n", outcome.tensors_bound, outcome.tensors_tied,
              outcome.tensors_ignored);
  if (outcome.verified) {
    std::printf("%zu/%zu modules compared", outcome.modules_compared, outcome.modules_traced);
    if (outcome.functions > 0)
      std::printf(", %zu/%zu functions of the SavedModel run", outcome.functions_run, outcome.functions);
    if (outcome.cells > 0) std::printf(", %zu further sets of inputs", outcome.cells);
    std::printf("\n");
  }
  for (const std::string& line : outcome.litert) std::printf("%s\n", line.c_str());
  for (const std::string& note : outcome.notes) std::printf("note: %s\n", note.c_str());
  for (const std::string& finding : outcome.findings) std::printf("%s\n", finding.c_str());
  if (!outcome.verified) {
    std::printf("NOT VERIFIED (--no-verify)");
  } else {
    std::printf("%s", outcome.agrees ? "AGREES" : "DISAGREES");
  }
  if (!wrote) {
    std::printf(", %.1f s\n", seconds);
  } else if (outcome.written) {
    std::printf(", %.1f s, written to %s:\n", seconds, outcome.output.c_str());
    for (const std::string& file : outcome.files) std::printf("  %s\n", file.c_str());
  } else {
    std::printf(", %.1f s, nothing written to %s\n", seconds, outcome.output.c_str());
  }
}

}  // namespace

std::size_t terminal_width() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

ProgressBar::ProgressBar() : terminal_(::isatty(STDERR_FILENO) == 1), start_(std::chrono::steady_clock::now()) {}

ProgressBar::~ProgressBar() {
  if (drawn_) std::fputs("\r\x1b[K", stderr);
}

void ProgressBar::show(int step, int steps, const std::string& what) {
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  if (!terminal_) {
    std::fprintf(stderr, "[%d/%d] %s\n", step, steps, what.c_str());
    return;
  }
  const int filled = std::clamp(steps > 0 ? (step - 1) * kBarWidth / steps : 0, 0, kBarWidth);
  std::string line = "[" + std::string(static_cast<std::size_t>(filled), '#') +
                     std::string(static_cast<std::size_t>(kBarWidth - filled), '.') + "] " + std::to_string(step) +
                     "/" + std::to_string(steps) + " " + std::to_string(static_cast<int>(seconds)) + "s " + what;
  line.resize(std::min(line.size(), terminal_width() - 1));
  std::fprintf(stderr, "\r\x1b[K%s", line.c_str());
  std::fflush(stderr);
  drawn_ = true;
}

Progress ProgressBar::callback() {
  return [this](int step, int steps, const std::string& what) { show(step, steps, what); };
}

Outcome run_job(const std::function<Outcome(const Progress&)>& job, bool wrote) {
  const auto start = std::chrono::steady_clock::now();
  Outcome outcome;
  {
    ProgressBar bar;
    outcome = job(bar.callback());
  }
  print_outcome(outcome, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), wrote);
  return outcome;
}

}  // namespace crossload::cli

// bench_faults [WORDS]             runs all faults, or those whose golden and description hold WORDS
// bench_faults --operations GOLDEN lists the operations that an Edit may change
//
// Exits with 1 when a fault is not found where the table says that it is, or is found where it says that it cannot be.
#include <cstdio>
#include <cstring>
#include <exception>
#include <map>

#include "faults/fault.h"

namespace crossload::faults {
namespace {

struct Totals {
  int faults = 0;
  int detected = 0;
  int located = 0;
  int detected_by_v4 = 0;
  int unexpected = 0;
};

void complain(const Fault& fault, const std::string& what) {
  std::fprintf(stderr, "%s, %s: %s\n", fault.golden.c_str(), fault.what.c_str(), what.c_str());
}

/// `sound` is the golden's finding without a fault.
void add(const Fault& fault, const Finding& finding, const Finding& sound, Totals* totals) {
  const bool v4 = finding.detected_by_v4 && !sound.detected_by_v4;
  ++totals->faults;
  totals->detected += finding.detected ? 1 : 0;
  totals->located += finding.located ? 1 : 0;
  totals->detected_by_v4 += v4 ? 1 : 0;
  std::printf("%s %s |\n", table_line(fault, finding).c_str(), v4 ? "yes" : "no");
  if (sound.detected) complain(fault, "the golden is refused without the fault too");
  if (!sound.detected && finding.located == fault.reason.empty()) return;
  ++totals->unexpected;
  char error[32];
  std::snprintf(error, sizeof(error), "%.2e", finding.max_error);
  complain(fault, "the first divergence is \"" + finding.first_divergence + "\"; the largest error " + error);
}

int run(const std::string& wanted) {
  const Bench bench(CROSSLOAD_GOLDENS_DIR);
  std::map<std::string, Finding> sound;
  Totals totals;
  std::string reasons;
  std::printf("| golden | fault | put at | detected | located | v4 |\n|---|---|---|---|---|---|\n");
  for (const Fault& fault : all_faults()) {
    if ((fault.golden + " " + fault.what).find(wanted) == std::string::npos) continue;
    if (!sound.contains(fault.golden)) sound[fault.golden] = bench.run_sound(fault.golden);
    add(fault, bench.run(fault), sound.at(fault.golden), &totals);
    if (!fault.reason.empty()) reasons += "- " + fault.golden + ", " + fault.what + ": " + fault.reason + ".\n";
  }
  std::printf("\n%d faults: %d detected, %d located exactly; v4's method: %d detected, 0 located\n", totals.faults,
              totals.detected, totals.located, totals.detected_by_v4);
  if (!reasons.empty()) std::printf("\nNot found, and why:\n\n%s", reasons.c_str());
  return totals.unexpected == 0 && totals.faults > 0 ? 0 : 1;
}

}  // namespace
}  // namespace crossload::faults

int main(int argc, char** argv) try {
  if (argc == 3 && std::strcmp(argv[1], "--operations") == 0) {
    std::fputs(crossload::faults::Bench(CROSSLOAD_GOLDENS_DIR).operations(argv[2]).c_str(), stdout);
    return 0;
  }
  return crossload::faults::run(argc > 1 ? argv[1] : "");
} catch (const std::exception& error) {
  std::fprintf(stderr, "bench_faults: %s\n", error.what());
  return 2;
}

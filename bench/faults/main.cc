// bench_faults [WORDS]             runs all faults, or those whose golden and description hold WORDS
// bench_faults --operations GOLDEN lists the operations that an Edit may change
#include <cstdio>
#include <cstring>
#include <exception>
#include <map>

#include "faults/fault.h"

namespace crossload::faults {
namespace {

const char* yes_or_no(bool yes) { return yes ? "yes" : "**no**"; }

int run(const std::string& wanted) {
  const Bench bench(CROSSLOAD_GOLDENS);
  std::map<std::string, Finding> sound;
  int faults = 0;
  int detected = 0;
  int located = 0;
  int by_v4 = 0;
  int unexpected = 0;
  std::string reasons;
  std::printf("| golden | fault | must be found at | detected | located | v4 |\n|---|---|---|---|---|---|\n");
  for (const Fault& fault : all_faults()) {
    if ((fault.golden + " " + fault.what).find(wanted) == std::string::npos) continue;
    if (!sound.contains(fault.golden)) sound[fault.golden] = bench.run_sound(fault.golden);
    const Finding& without = sound.at(fault.golden);
    const Finding finding = bench.run(fault);
    const bool v4 = finding.detected_by_v4 && !without.detected_by_v4;
    ++faults;
    detected += finding.detected ? 1 : 0;
    located += finding.located ? 1 : 0;
    by_v4 += v4 ? 1 : 0;
    std::printf("| %s | %s | `%s` | %s | %s | %s |\n", fault.golden.c_str(), fault.what.c_str(), fault.at.c_str(),
                yes_or_no(finding.detected), yes_or_no(finding.located), v4 ? "yes" : "no");
    std::fflush(stdout);
    if (without.detected) std::fprintf(stderr, "%s: refused without a fault\n", fault.golden.c_str());
    const bool as_said = !without.detected && finding.located == fault.reason.empty();
    if (!as_said) {
      ++unexpected;
      std::fprintf(stderr, "%s, %s: found at \"%s\" (%.2e), wanted \"%s\"\n", fault.golden.c_str(), fault.what.c_str(),
                   finding.first_divergence.c_str(), finding.max_error, fault.at.c_str());
    }
    if (!fault.reason.empty()) reasons += "- " + fault.golden + ", " + fault.what + ": " + fault.reason + "\n";
  }
  std::printf("\n%d faults on %zu goldens: %d detected, %d located exactly; v4's method: %d detected\n", faults,
              sound.size(), detected, located, by_v4);
  if (!reasons.empty()) std::printf("\n%s", reasons.c_str());
  return unexpected == 0 && faults > 0 ? 0 : 1;
}

}  // namespace
}  // namespace crossload::faults

int main(int argc, char** argv) try {
  if (argc == 3 && std::strcmp(argv[1], "--operations") == 0) {
    std::fputs(crossload::faults::Bench(CROSSLOAD_GOLDENS).operations(argv[2]).c_str(), stdout);
    return 0;
  }
  return crossload::faults::run(argc > 1 ? argv[1] : "");
} catch (const std::exception& error) {
  std::fprintf(stderr, "bench_faults: %s\n", error.what());
  return 2;
}

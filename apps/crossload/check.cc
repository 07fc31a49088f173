// crossload check
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "command.h"
#include "contribute/readiness.h"
#include "contribute/source_tree.h"

namespace crossload::cli {
namespace {

struct Flags {
  std::string name;
  std::string root;
  bool fix = false;
};

void print(const std::vector<contribute::Finding>& findings, const std::filesystem::path& root) {
  for (const contribute::Finding& finding : findings) {
    std::printf("%s:%d: %s: %s\n", finding.file.lexically_proximate(root).c_str(), finding.line, finding.point.c_str(),
                finding.what.c_str());
  }
}

int run(const Flags& flags) {
  const std::filesystem::path root = contribute::source_root(flags.root);
  const contribute::Readiness readiness = contribute::check_readiness(root, flags.name, flags.fix);
  const std::size_t changes = readiness.mended.size();
  print(readiness.mended, root);
  if (changes != 0)
    std::printf("%zu %s in the sources; git diff shows them\n", changes, changes == 1 ? "change" : "changes");
  print(readiness.missing, root);
  if (readiness.missing.empty()) {
    std::printf("ready: calls, copies, ignores, names, recipes and pages\n");
    return 0;
  }
  std::printf("%zu points to mend\n", readiness.missing.size());
  return 1;
}

}  // namespace

void add_check(CLI::App* app, Action* action) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app->add_subcommand("check", "Checks that an architecture, or all, is ready to be contributed.");
  command->add_option("NAME", flags->name, "The architecture, as in bert; all by default");
  command->add_flag("--fix", flags->fix, "Rewrites what differs from what its mark `Copied from` says, and says what");
  command->add_option("--source", flags->root, "The folder of Crossload's sources; here or above by default");
  command->footer(
      "Examples:\n"
      "  crossload check bert\n"
      "  crossload check --fix");
  command->callback([flags, action] { *action = [flags] { return run(*flags); }; });
}

}  // namespace crossload::cli

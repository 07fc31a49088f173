// crossload logout
#include <CLI/CLI.hpp>
#include <cstdio>

#include "command.h"
#include "crossload/hub.h"

namespace crossload::cli {
namespace {

int run() {
  std::printf("%s\n", logout_from_hub() ? "Logged out; the token is removed from this machine, not from the Hub"
                                        : "Nobody was logged in");
  if (hub_token_is_in_environment()) {
    std::fprintf(stderr, "crossload: note: HF_TOKEN is still set, unset it yourself\n");
  }
  return 0;
}

}  // namespace

void add_logout(CLI::App* app, Action* action) {
  CLI::App* command = app->add_subcommand("logout", "Removes the token that login kept.");
  command->footer(
      "Example:\n"
      "  crossload logout && crossload whoami    # says that nobody is logged in");
  command->callback([action] { *action = run; });
}

}  // namespace crossload::cli

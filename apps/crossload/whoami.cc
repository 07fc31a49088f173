// crossload whoami
#include <CLI/CLI.hpp>
#include <cstdio>

#include "command.h"
#include "crossload/hub.h"
#include "secrets.h"

namespace crossload::cli {
namespace {

int run() {
  forbid_core_dumps();
  const HubAccount account = whoami_on_hub();
  std::printf("%s\n", account.name.c_str());
  if (!account.role.empty()) std::printf("token: %s\n", account.role.c_str());
  for (const std::string& organization : account.organizations) std::printf("member of %s\n", organization.c_str());
  std::printf("at %s\n", account.endpoint.c_str());
  return 0;
}

}  // namespace

void add_whoami(CLI::App* app, Action* action) {
  CLI::App* command = app->add_subcommand("whoami", "Asks the Hub whose token is used.");
  command->footer(
      "Example:\n"
      "  crossload whoami");
  command->callback([action] { *action = run; });
}

}  // namespace crossload::cli

// crossload login
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "command.h"
#include "crossload/hub.h"
#include "secrets.h"

namespace crossload::cli {
namespace {

int run(bool from_stdin) {
  forbid_core_dumps();
  const HubAccount account = login_to_hub(
      from_stdin ? first_line_of_stdin()
                 : ask_hidden("Token of https://huggingface.co/settings/tokens (it is not shown as you type): "));
  std::printf("Logged in as %s%s%s%s\n", account.name.c_str(), account.role.empty() ? "" : ", with a token that may ",
              account.role == "fineGrained" ? "do what its settings say" : account.role.c_str(),
              account.role == "read" ? " only (publishing needs one that may write)" : "");
  if (hub_token_is_in_environment()) {
    std::fprintf(stderr, "crossload: note: HF_TOKEN is set and comes before the token that was kept now\n");
  }
  return 0;
}

}  // namespace

void add_login(CLI::App* app, Action* action) {
  auto from_stdin = std::make_shared<bool>(false);
  CLI::App* command = app->add_subcommand("login", "Keeps a token of the Hub, for private models and for publishing.");
  command->add_flag("--token-stdin", *from_stdin, "Read the token from standard input instead of asking for it");
  command->footer(
      "Examples:\n"
      "  crossload login\n"
      "  crossload login --token-stdin <token.txt");
  command->callback([from_stdin, action] { *action = [from_stdin] { return run(*from_stdin); }; });
}

}  // namespace crossload::cli

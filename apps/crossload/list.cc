// crossload list
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "command.h"
#include "crossload/inspect.h"

namespace crossload::program {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

void print_markdown() {
  std::printf("| model_type | class | families |\n|---|---|---|\n");
  for (const ListedModel& model : list_models()) {
    for (const ListedHead& head : model.heads) {
      std::printf("| %s | %s | %s |\n", model.model_type.c_str(), head.name.c_str(), joined(head.families).c_str());
    }
  }
}

void print_plain() {
  for (const ListedModel& model : list_models()) {
    std::printf("%s (%s)\n", model.model_type.c_str(), model.source.c_str());
    for (const ListedHead& head : model.heads) {
      std::printf("  %-36s %s\n", head.name.c_str(), joined(head.families).c_str());
    }
  }
}

}  // namespace

void add_list(CLI::App* app, Action* action) {
  auto markdown = std::make_shared<bool>(false);
  CLI::App* command = app->add_subcommand("list", "Prints the architectures and heads that can be converted.");
  command->add_flag("--markdown", *markdown, "As the table of the README");
  command->callback([markdown, action] {
    *action = [markdown] {
      *markdown ? print_markdown() : print_plain();
      return 0;
    };
  });
}

}  // namespace crossload::program

// crossload list
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
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

/// "7 goldens, worst 9.5e-07 in pooler"
std::string verified(const ListedHead& head) {
  const VerifiedGolden* worst = head.worst();
  if (worst == nullptr) return "no golden ran yet";
  int relative = 0;
  int padded = 0;
  for (const VerifiedGolden& golden : head.goldens) {
    relative += golden.relative > 0 ? 1 : 0;
    padded += golden.padded > 0 ? 1 : 0;
  }
  std::string text = fmt::format("{} golden{}, worst {:.1e} in {}", head.goldens.size(),
                                 head.goldens.size() == 1 ? "" : "s", worst->error, worst->worst);
  if (relative > 0) text += fmt::format("; {} by the relative rule", relative);
  if (padded > 0) text += fmt::format("; {} by the rule for padding", padded);
  return text;
}

void print_plain() {
  for (const ListedModel& model : list_models()) {
    std::printf("%s (%s)\n", model.model_type.c_str(), model.source.c_str());
    for (const ListedHead& head : model.heads) {
      std::printf("  %-36s %s\n", head.name.c_str(), joined(head.families).c_str());
      std::printf("  %-36s %s\n", "", verified(head).c_str());
    }
  }
}

/// One line a golden, worst first: the differences from PyTorch, and where each framework is from float64 there.
void print_goldens() {
  std::vector<VerifiedGolden> goldens;
  for (const ListedModel& model : list_models()) {
    for (const ListedHead& head : model.heads) goldens.insert(goldens.end(), head.goldens.begin(), head.goldens.end());
  }
  std::stable_sort(goldens.begin(), goldens.end(),
                   [](const VerifiedGolden& one, const VerifiedGolden& other) { return one.error > other.error; });
  std::printf("%-40s %7s %8s %8s %8s %8s  %8s %6s  %s\n", "golden", "modules", "|TF-PT|", "|TF-64|", "|PT-64|",
              "outputs", "relative", "padded", "worst");
  for (const VerifiedGolden& golden : goldens) {
    std::printf("%-40s %7d %8.1e %8.1e %8.1e %8.1e  %8d %6d  %s\n", golden.name.c_str(), golden.modules, golden.error,
                golden.tf_to_float64, golden.pt_to_float64, golden.output_error, golden.relative, golden.padded,
                golden.worst.c_str());
  }
}

}  // namespace

void add_list(CLI::App* app, Action* action) {
  auto markdown = std::make_shared<bool>(false);
  auto goldens = std::make_shared<bool>(false);
  CLI::App* command = app->add_subcommand("list", "Prints the architectures and heads that can be converted.");
  CLI::Option* as_markdown = command->add_flag("--markdown", *markdown, "As the table of the README");
  command->add_flag("--goldens", *goldens, "What each golden gave when it last ran, worst first")
      ->excludes(as_markdown);
  command->callback([markdown, goldens, action] {
    *action = [markdown, goldens] {
      *markdown ? print_markdown() : *goldens ? print_goldens() : print_plain();
      return 0;
    };
  });
}

}  // namespace crossload::program

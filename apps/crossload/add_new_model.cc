// crossload add-new-model
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <memory>

#include "command.h"
#include "contribute/scaffold.h"
#include "contribute/source_tree.h"
#include "crossload/error.h"

namespace crossload::cli {
namespace {

/// One answer of a person at a terminal; the default for an empty one.
std::string ask(const std::string& question, const std::string& fallback) {
  std::printf("%s%s: ", question.c_str(), fallback.empty() ? "" : (" [" + fallback + "]").c_str());
  std::fflush(stdout);
  std::string answer;
  if (!std::getline(std::cin, answer)) throw Error(ErrorKind::kUsage, "add-new-model: the input ended");
  return answer.empty() ? fallback : answer;
}

void complete(contribute::ScaffoldOptions* options) {
  const bool terminal = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
  if (!options->name.empty() && !options->like.empty()) return;
  if (!terminal) {
    throw Error(ErrorKind::kUsage,
                "add-new-model: give the name and the base, as in `add-new-model brand_new_bert --like bert`");
  }
  if (options->name.empty()) options->name = ask("model_type of the new architecture (as in config.json)", "");
  if (options->camel.empty())
    options->camel = ask("its classes begin with TF and", contribute::camel_name(options->name));
  if (options->like.empty()) options->like = ask("the architecture that is most like it", "bert");
  if (options->heads.empty()) {
    const std::string heads = ask("heads, separated by commas, as in ForMaskedLM", "all");
    if (heads != "all") options->heads = CLI::detail::split(heads, ',');
  }
}

/// False when clang-format is not there.
bool lay_out(const std::string& file) {
  std::string name = "clang-format";
  std::string flag = "-i";
  std::string path = file;
  char* arguments[] = {name.data(), flag.data(), path.data(), nullptr};
  pid_t child = 0;
  int status = 0;
  if (posix_spawnp(&child, name.c_str(), nullptr, nullptr, arguments, environ) != 0) return false;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void print(const char* title, const std::vector<std::string>& words) {
  if (words.empty()) return;
  std::printf("%s\n", title);
  for (const std::string& word : words) std::printf("  %s\n", word.c_str());
}

int run(contribute::ScaffoldOptions options) {
  options.root = contribute::source_root(options.root);
  complete(&options);
  const contribute::Scaffold made = contribute::add_new_model(options);
  std::printf("wrote %s\n      %s\n", made.model.c_str(), made.recipe.c_str());
  if (!lay_out(made.model.string())) {
    std::printf("clang-format is missing, so lines may be long; apt-get install clang-format, then make format\n");
  }
  if (!made.alias_of.empty()) {
    std::printf("%s is %s under another name, and so is the new one; for a file of its own, begin with --like %s\n",
                options.like.c_str(), made.alias_of.c_str(), made.alias_of.c_str());
  }
  print("heads:", made.heads);
  print("defaults set from the configuration:", made.from_config);
  print("fields of the configuration that the base does not read (each is a difference to look at):", made.not_read);
  std::printf("next: cmake --build build, then docs/adding_a_tensorflow_model.md from step 4\n");
  return 0;
}

}  // namespace

void add_add_new_model(CLI::App* app, Action* action) {
  auto options = std::make_shared<contribute::ScaffoldOptions>();
  CLI::App* command = app->add_subcommand("add-new-model", "Begins an architecture as a copy of one that works.");
  command->add_option("NAME", options->name, "The model_type, as in brand_new_bert");
  command->add_option("--like", options->like, "The architecture to copy, as in bert");
  command->add_option("--heads", options->heads, "The heads to keep, as in ForMaskedLM,ForTokenClassification")
      ->delimiter(',');
  command->add_option("--camel", options->camel, "What classes are called, when not BrandNewBert for brand_new_bert");
  command->add_option("--from-config", options->config, "A config.json, or the folder with it: sets the defaults");
  command->add_option("--source", options->root, "The folder of Crossload's sources; here or above by default");
  command->footer(
      "Example:\n"
      "  crossload add-new-model brand_new_bert --like bert --heads ForMaskedLM --from-config ./brand-new-bert");
  command->callback([options, action] { *action = [options] { return run(*options); }; });
}

}  // namespace crossload::cli

// crossload record
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "command.h"
#include "crossload/convert.h"
#include "proof_flags.h"
#include "terminal.h"

namespace crossload::program {

void add_record(CLI::App* app, Action* action) {
  auto options = std::make_shared<RecordOptions>();
  CLI::App* command = app->add_subcommand("record", "Records what PyTorch computes, every module, for --reference.");
  command->add_option("--model-name", options->model, "The checkpoint's folder")->required();
  command->add_option("--output", options->output, "The trace to write, a safetensors file")->required();
  command->add_option("--override-model-class", options->override_model_class, "The class instead of config.json's");
  command->add_option("--python", options->python, "The Python that has torch and transformers");
  command->add_option("--threads", options->threads, "PyTorch's threads")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
  add_input_flags(command, &options->inputs, &options->grid);
  command->add_option("--seed", options->seed, "For inputs that are drawn at random")->capture_default_str();
  command->callback([options, action] {
    *action = [options] {
      {
        ProgressBar bar;
        record(*options, bar.callback());
      }
      std::printf("recorded %s\n", options->output.c_str());
      return 0;
    };
  });
}

}  // namespace crossload::program

// crossload record
#include "crossload/record.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "command.h"
#include "run_flags.h"
#include "terminal.h"

namespace crossload::cli {

void add_record(CLI::App* app, Action* action) {
  auto options = std::make_shared<RecordOptions>();
  auto dtype = std::make_shared<std::string>("float32");
  CLI::App* command = app->add_subcommand("record", "Records what PyTorch computes, every module, for --reference.");
  command->add_option("--model-name", options->model, "The checkpoint's folder")->required();
  command->add_option("--output", options->output, "The trace to write, a safetensors file")->required();
  add_class_flag(command, &options->override_model_class);
  add_trust_flag(command, &options->trust_remote_code);
  add_python_flag(command, &options->python);
  add_threads_flag(command, &options->threads);
  add_input_flags(command, &options->inputs, &options->grid);
  add_dtype_flag(command, dtype.get(), "Round the weights to it, for pt-to-tf with the same");
  command->add_option("--seed", options->seed, "For inputs that are drawn at random")->capture_default_str();
  command->footer(
      "Example:\n"
      "  crossload record --model-name ./my-bert --output my-bert.trace.safetensors --grid quick");
  command->callback([options, dtype, action] {
    parse_word(*dtype, &options->dtype);
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

}  // namespace crossload::cli

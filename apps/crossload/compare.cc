// crossload compare
#include "crossload/compare.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "command.h"
#include "crossload/error.h"
#include "run_flags.h"
#include "terminal.h"

namespace crossload::cli {
namespace {

int run(const CompareOptions& options) {
  const Outcome outcome =
      run_job([&](const Progress& progress) { return compare(options, progress); }, /*wrote=*/false);
  return outcome.agrees ? 0 : static_cast<int>(ErrorKind::kDisagrees);
}

}  // namespace

void add_compare(CLI::App* app, Action* action) {
  auto options = std::make_shared<CompareOptions>();
  CLI::App* command =
      app->add_subcommand("compare", "Compares TensorFlow weights that are there already with PyTorch.");
  command
      ->add_option(
          "ARTIFACT", options->artifact,
          "A folder with config.json and tf_model.h5, saved_model/, TensorFlow's model.safetensors or model.tflite")
      ->required();
  command->add_option("--model-name", options->model,
                      "The PyTorch checkpoint it was made from, a folder, or a file of torch.export.save, .pt2");
  add_run_flags(command, &options->settings);
  command->footer(
      "Examples:\n"
      "  crossload compare ./my-bert-tf --model-name ./my-bert\n"
      "  crossload compare ./my-bert-tf --reference my-bert.trace.safetensors --report my-bert.html");
  const CLI::Option* max_error = command->get_option("--max-error");
  command->callback([options, action, max_error] {
    if (max_error->count() > 0) options->litert_max_error = options->settings.max_error;
    *action = [options] { return run(*options); };
  });
}

}  // namespace crossload::cli

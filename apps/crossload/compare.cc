// crossload compare
#include "crossload/compare.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>

#include "command.h"
#include "crossload/error.h"
#include "proof_flags.h"
#include "terminal.h"

namespace crossload::program {
namespace {

struct Flags {
  CompareOptions options;
  std::string reference = "live";
  double max_hidden_error = -1;
};

int run(const Flags& flags) {
  CompareOptions options = flags.options;
  if (flags.reference != "live") options.reference = flags.reference;
  options.max_hidden_error = flags.max_hidden_error < 0 ? options.max_error : flags.max_hidden_error;
  const auto start = std::chrono::steady_clock::now();
  ConvertResult result;
  {
    ProgressBar bar;
    result = compare(options, bar.callback());
  }
  print_result(result, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(),
               /*wrote=*/false);
  return result.agrees ? 0 : static_cast<int>(ErrorKind::kDisagrees);
}

}  // namespace

void add_compare(CLI::App* app, Action* action) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command =
      app->add_subcommand("compare", "Compares TensorFlow weights that are there already with PyTorch.");
  command
      ->add_option("ARTIFACT", flags->options.artifact,
                   "A folder with config.json and tf_model.h5, saved_model/ or TensorFlow's model.safetensors")
      ->required();
  command->add_option("--model-name", flags->options.model, "The PyTorch checkpoint it was made from, a folder");
  command
      ->add_option("--reference", flags->reference,
                   "What PyTorch computes: live (runs --model-name), or a trace made by `crossload record`")
      ->capture_default_str();
  command->add_option("--override-model-class", flags->options.override_model_class,
                      "The class instead of config.json's");
  add_ignore_flag(command, &flags->options.ignore_tensors);
  command->add_option("--max-error", flags->options.max_error, "Largest absolute difference that agrees")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  command
      ->add_option("--max-hidden-error", flags->max_hidden_error,
                   "The same for the modules inside the model and its hidden states (default: --max-error)")
      ->check(CLI::NonNegativeNumber);
  add_proof_flags(command, &flags->options.strict, &flags->options.inputs, &flags->options.grid);
  command->add_option("--json", flags->options.json, "Write the certificate to this file");
  command->add_option("--report", flags->options.report, "Write the certificate as a page to read, one HTML file");
  command->add_option("--tensorflow", flags->options.tensorflow,
                      "libtensorflow_cc.so.2, or a virtual environment that has tensorflow");
  command->add_option("--python", flags->options.python, "The Python that has torch and transformers");
  command->add_option("--threads", flags->options.threads, "Threads of both frameworks")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
  command->add_flag("--onednn", flags->options.onednn, "Let TensorFlow use oneDNN's kernels");
  command->callback([flags, action] { *action = [flags] { return run(*flags); }; });
}

}  // namespace crossload::program

// crossload pt-to-tf
#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <sstream>

#include "command.h"
#include "crossload/convert.h"
#include "crossload/error.h"
#include "crossload/shard_size.h"
#include "terminal.h"

namespace crossload::program {
namespace {

/// The flags as they were given.
struct Flags {
  ConvertOptions options;
  std::string model_name;
  std::string output;
  std::string formats = "h5,safetensors,saved_model";
  std::string reference = "live";
  std::string max_shard_size = "10GB";
  double max_hidden_error = -1;
  bool no_verify = false;
  bool no_pr = false;
  bool push = false;
  std::string extra_commit_description;
};

std::set<Format> parse_formats(const std::string& list) {
  std::set<Format> formats;
  std::stringstream stream(list);
  for (std::string name; std::getline(stream, name, ',');) {
    if (name == "h5") {
      formats.insert(Format::kH5);
    } else if (name == "safetensors") {
      formats.insert(Format::kSafetensors);
    } else if (name == "saved_model") {
      formats.insert(Format::kSavedModel);
    } else {
      throw Error(ErrorKind::kUsage, "--formats: \"" + name + "\" is none of h5, safetensors, saved_model");
    }
  }
  return formats;
}

/// "./my-bert" -> "my-bert-tf"
std::string default_output(const std::string& model_name) {
  std::filesystem::path path = std::filesystem::path(model_name).lexically_normal();
  if (path.filename().empty()) path = path.parent_path();
  return path.stem().string() + "-tf";
}

int run(const Flags& flags) {
  ConvertOptions options = flags.options;
  if (flags.push) {
    throw Error(ErrorKind::kUnsupported, "--push: publishing on the Hub is not there yet; upload the folder yourself");
  }
  options.model = flags.model_name;
  options.output = flags.output.empty() ? default_output(flags.model_name) : flags.output;
  options.formats = parse_formats(flags.formats);
  options.max_shard_size = parse_shard_size(flags.max_shard_size);
  options.verify = !flags.no_verify;
  if (flags.reference != "live") options.reference = flags.reference;
  options.max_hidden_error = flags.max_hidden_error < 0 ? options.max_error : flags.max_hidden_error;
  if (!std::filesystem::exists(options.model)) {
    throw Error(ErrorKind::kBadInput, flags.model_name +
                                          ": no such folder; downloading from the Hub is not there yet, give a "
                                          "local folder");
  }
  const auto start = std::chrono::steady_clock::now();
  ConvertResult result;
  {
    ProgressBar bar;
    result = convert(options, bar.callback());
  }
  print_result(result, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), /*wrote=*/true);
  return result.verified && !result.agrees ? static_cast<int>(ErrorKind::kDisagrees) : 0;
}

}  // namespace

void add_pt_to_tf(CLI::App* app, Action* action) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app->add_subcommand(
      "pt-to-tf", "Converts a PyTorch checkpoint to TensorFlow and compares every module with PyTorch.");
  command
      ->add_option("--model-name", flags->model_name, "The checkpoint: a folder with config.json and model.safetensors")
      ->required();
  command->add_option("--output,--local-dir", flags->output,
                      "The folder to write (default: NAME-tf in the working folder)");
  command->add_option("--formats", flags->formats, "What to write, separated by commas")->capture_default_str();
  command->add_option("--override-model-class", flags->options.override_model_class,
                      "The class instead of config.json's: BertForMaskedLM, TFBertForMaskedLM, TFAutoModelForMaskedLM");
  command->add_option("--max-shard-size", flags->max_shard_size, "Larger weight files are split")
      ->capture_default_str();
  command->add_flag("--new-weights", flags->options.new_weights, "Replace TensorFlow weights that are there already");
  command
      ->add_option("--reference", flags->reference,
                   "What PyTorch computes: live (runs it), or a trace made by `crossload record`")
      ->capture_default_str();
  command->add_option("--max-error", flags->options.max_error, "Largest absolute difference that agrees")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  command
      ->add_option("--max-hidden-error", flags->max_hidden_error,
                   "The same for the modules inside the model and its hidden states (default: --max-error)")
      ->check(CLI::NonNegativeNumber);
  command->add_flag("--no-verify", flags->no_verify, "Convert without comparing; needs no PyTorch");
  command->add_option("--json", flags->options.json, "Write the certificate to this file too, whatever the verdict");
  command->add_option("--report", flags->options.report,
                      "Write the certificate as a page to read, one HTML file, whatever the verdict");
  command->add_option("--tensorflow", flags->options.tensorflow,
                      "libtensorflow_cc.so.2, or a virtual environment that has tensorflow");
  command->add_option("--python", flags->options.python, "The Python that has torch and transformers");
  command
      ->add_option("--threads", flags->options.threads,
                   "Threads of both frameworks; another number may change last bits")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
  command->add_flag("--onednn", flags->options.onednn, "Let TensorFlow use oneDNN's kernels");
  command->add_flag("--no-pr", flags->no_pr, "Open no pull request on the Hub (none is opened yet)");
  command->add_flag("--push", flags->push, "Push to the Hub's main branch (not there yet)");
  command->add_option("--extra-commit-description", flags->extra_commit_description,
                      "Text for the pull request on the Hub (none is opened yet)");
  command->callback([flags, action] { *action = [flags] { return run(*flags); }; });
}

}  // namespace crossload::program

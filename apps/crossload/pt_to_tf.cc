// crossload pt-to-tf
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <sstream>

#include "command.h"
#include "crossload/compare.h"
#include "crossload/convert.h"
#include "crossload/error.h"
#include "crossload/hub.h"
#include "crossload/shard_size.h"
#include "proof_flags.h"
#include "secrets.h"
#include "terminal.h"
#include "transfer_bars.h"

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

ConvertOptions options_of(const Flags& flags) {
  ConvertOptions options = flags.options;
  options.output = flags.output.empty() ? default_output(flags.model_name) : std::filesystem::path(flags.output);
  options.formats = parse_formats(flags.formats);
  options.max_shard_size = parse_shard_size(flags.max_shard_size);
  options.verify = !flags.no_verify;
  if (flags.reference != "live") options.reference = flags.reference;
  options.max_hidden_error = flags.max_hidden_error < 0 ? options.max_error : flags.max_hidden_error;
  return options;
}

/// Runs the job behind a progress bar and prints its result.
template <typename Job>
ConvertResult run_job(const Job& job, bool wrote) {
  const auto start = std::chrono::steady_clock::now();
  ConvertResult result;
  {
    ProgressBar bar;
    result = job(bar.callback());
  }
  print_result(result, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), wrote);
  return result;
}

ConvertResult run_conversion(const ConvertOptions& options) {
  return run_job([&](const Progress& progress) { return convert(options, progress); }, /*wrote=*/true);
}

int exit_code(const ConvertResult& result) {
  return result.verified && !result.agrees ? static_cast<int>(ErrorKind::kDisagrees) : 0;
}

/// What v4 did with weights that are there already: they are compared, nothing is written.
int run_validation(const ConvertOptions& options) {
  CompareOptions comparison;
  comparison.artifact = options.model;
  comparison.name = options.name;
  comparison.model = options.model;
  comparison.reference = options.reference;
  comparison.override_model_class = options.override_model_class;
  comparison.ignore_tensors = options.ignore_tensors;
  comparison.max_error = options.max_error;
  comparison.max_hidden_error = options.max_hidden_error;
  comparison.strict = options.strict;
  comparison.inputs = options.inputs;
  comparison.grid = options.grid;
  comparison.tensorflow = options.tensorflow;
  comparison.python = options.python;
  comparison.threads = options.threads;
  comparison.onednn = options.onednn;
  comparison.json = options.json;
  comparison.report = options.report;
  return exit_code(run_job([&](const Progress& progress) { return compare(comparison, progress); }, /*wrote=*/false));
}

void print_notes(const std::vector<std::string>& notes) {
  for (const std::string& note : notes) std::fprintf(stderr, "crossload: note: %s\n", note.c_str());
}

void publish(const HubModel& model, const Flags& flags, const ConvertOptions& options) {
  PublishOptions publishing;
  publishing.folder = options.output;
  publishing.push = flags.push;
  publishing.new_weights = options.new_weights;
  publishing.extra_description = flags.extra_commit_description;
  TransferBars bars("sent");
  const PublishResult published = publish_on_hub(model, publishing, bars.callback());
  print_notes(published.notes);
  std::printf("\n%s %s\n",
              published.was_there ? "is on the Hub already:"
              : flags.push        ? "pushed:"
                                  : "pull request:",
              published.url.c_str());
  if (published.was_there) return;
  for (const std::string& file : published.files) std::printf("  %s\n", file.c_str());
}

int run_hub(const Flags& flags) {
  ConvertOptions options = options_of(flags);
  const Publishing publishing = flags.no_pr  ? Publishing::kNone
                                : flags.push ? Publishing::kPush
                                             : Publishing::kPullRequest;
  if (flags.no_pr && flags.push) throw Error(ErrorKind::kUsage, "--push and --no-pr exclude each other");
  if (publishing != Publishing::kNone && flags.no_verify) {
    throw Error(ErrorKind::kUsage, "--no-verify: only what agrees is published; leave it out, or give --no-pr");
  }
  if (publishing != Publishing::kNone && !options.formats.contains(Format::kH5)) {
    throw Error(ErrorKind::kUsage, "--formats: h5 is what is published; add it, or give --no-pr");
  }
  forbid_core_dumps();
  std::fprintf(stderr, "looking for %s on the Hub\n", flags.model_name.c_str());
  HubModel model;
  {
    TransferBars bars("fetched");
    model = fetch_from_hub({flags.model_name, publishing, options.new_weights}, bars.callback());
  }
  print_notes(model.notes);
  options.model = model.folder;
  options.name = model.label();
  if (model.fetched_tensorflow) return run_validation(options);
  const ConvertResult result = run_conversion(options);
  if (publishing != Publishing::kNone && result.agrees) publish(model, flags, options);
  return exit_code(result);
}

int run(const Flags& flags) {
  if (is_hub_name(flags.model_name)) return run_hub(flags);
  ConvertOptions options = options_of(flags);
  options.model = local_model(flags.model_name);
  if (flags.push) {
    throw Error(ErrorKind::kUnsupported,
                "--push: only models of the Hub are published there; name one as foo/bar or hf://foo/bar");
  }
  return exit_code(run_conversion(options));
}

}  // namespace

void add_pt_to_tf(CLI::App* app, Action* action) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app->add_subcommand(
      "pt-to-tf", "Converts a PyTorch checkpoint to TensorFlow and compares every module with PyTorch.");
  command
      ->add_option("--model-name", flags->model_name,
                   "The checkpoint: a folder with config.json and weights, or a model of the Hub: foo/bar, "
                   "foo/bar@revision, hf://foo/bar")
      ->required();
  command->add_option(
      "--output,--local-dir", flags->output,
      "The folder to write (default: NAME-tf in the working folder; beside the model's when that is the "
      "working folder)");
  command->add_option("--formats", flags->formats, "What to write, separated by commas")->capture_default_str();
  command->add_option("--override-model-class", flags->options.override_model_class,
                      "The class instead of config.json's: BertForMaskedLM, TFBertForMaskedLM, TFAutoModelForMaskedLM");
  add_ignore_flag(command, &flags->options.ignore_tensors);
  command->add_option("--max-shard-size", flags->max_shard_size, "Larger weight files are split")
      ->capture_default_str();
  command->add_flag("--new-weights", flags->options.new_weights,
                    "Replace the TensorFlow weights that are there already, of all formats");
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
  add_proof_flags(command, &flags->options.strict, &flags->options.inputs, &flags->options.grid);
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
  command->add_flag("--no-pr", flags->no_pr,
                    "For a model of the Hub: open no pull request; TensorFlow weights that it has are compared");
  command->add_flag("--push", flags->push, "For a model of the Hub: commit to main instead of opening a pull request");
  command->add_option("--extra-commit-description", flags->extra_commit_description,
                      "Text to add to the description of the pull request");
  command->callback([flags, action] { *action = [flags] { return run(*flags); }; });
}

}  // namespace crossload::program

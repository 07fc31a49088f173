// crossload pt-to-tf
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <sstream>

#include "command.h"
#include "crossload/compare.h"
#include "crossload/convert.h"
#include "crossload/error.h"
#include "crossload/hub.h"
#include "crossload/shard_size.h"
#include "run_flags.h"
#include "secrets.h"
#include "terminal.h"
#include "transfer_bars.h"

namespace crossload::cli {
namespace {

/// The flags as they were given.
struct Flags {
  ConvertOptions options;
  std::string model_name;
  std::string output;
  std::string formats = "h5,safetensors,saved_model";
  std::string litert = "float32";
  std::string dtype = "float32";
  std::string max_shard_size = "10GB";
  bool no_verify = false;
  bool no_pr = false;
  bool push = false;
  std::string extra_commit_description;
  const CLI::Option* litert_given = nullptr;
  const CLI::Option* max_error_given = nullptr;
};

std::set<Format> parse_formats(const std::string& list) {
  std::set<Format> formats;
  std::stringstream stream(list);
  for (std::string name; std::getline(stream, name, ',');) {
    Format format = Format::kH5;
    if (!parse_format(name, &format)) {
      throw Error(ErrorKind::kUsage, "--formats: \"" + name + "\" is none of " + format_names());
    }
    formats.insert(format);
  }
  return formats;
}

LitertType parse_litert(const std::string& name) {
  LitertType type = LitertType::kFloat32;
  if (!parse_litert_type(name, &type))
    throw Error(ErrorKind::kUsage, "--litert: \"" + name + "\" is none of float32, float16, int8");
  return type;
}

/// A model.tflite that is rounded on purpose has --max-error for itself: what else is written is judged no milder.
void choose_litert(const Flags& flags, ConvertOptions* options) {
  options->litert.type = parse_litert(flags.litert);
  const bool is_written = options->formats.contains(Format::kLitert);
  if (flags.litert_given->count() > 0 && !is_written)
    throw Error(ErrorKind::kUsage, "--litert: says what model.tflite is; add litert to --formats");
  if (!is_written || options->litert.type == LitertType::kFloat32 || flags.max_error_given->count() == 0) return;
  options->litert.max_error = options->settings.max_error;
  options->settings.max_error = std::min(options->settings.max_error, RunSettings().max_error);
}

ConvertOptions options_of(const Flags& flags) {
  ConvertOptions options = flags.options;
  const std::string& function = options.settings.python_class;
  const std::string name = function.empty() ? flags.model_name : function.substr(function.find(':') + 1);
  options.output = flags.output.empty() ? default_output(name) : std::filesystem::path(flags.output);
  options.formats = parse_formats(flags.formats);
  choose_litert(flags, &options);
  parse_word(flags.dtype, &options.dtype);
  options.max_shard_size = parse_shard_size(flags.max_shard_size);
  options.verify = !flags.no_verify;
  return options;
}

Outcome run_conversion(const ConvertOptions& options) {
  return run_job([&](const Progress& progress) { return convert(options, progress); }, /*wrote=*/true);
}

int exit_code(const Outcome& outcome) {
  return outcome.verified && !outcome.agrees ? static_cast<int>(ErrorKind::kDisagrees) : 0;
}

/// What v4 did with weights that are there already: they are compared, nothing is written.
int run_validation(const ConvertOptions& options) {
  const CompareOptions comparison = {options.model, options.model, options.settings};
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
    const bool trusts_code = options.settings.trust_remote_code;
    model = fetch_from_hub({flags.model_name, publishing, options.new_weights, trusts_code}, bars.callback());
  }
  print_notes(model.notes);
  options.model = model.folder;
  options.settings.name = model.label();
  if (model.fetched_tensorflow) return run_validation(options);
  const Outcome outcome = run_conversion(options);
  if (publishing != Publishing::kNone && outcome.agrees) publish(model, flags, options);
  return exit_code(outcome);
}

/// What is converted: a checkpoint, or a module of the user's own.
void require_model(const Flags& flags) {
  const bool has_name = !flags.model_name.empty();
  if (has_name != !flags.options.settings.python_class.empty()) return;
  throw Error(ErrorKind::kUsage,
              has_name
                  ? "--python-class: is instead of a checkpoint; leave --model-name out"
                  : "--model-name is required, the checkpoint to convert, or --python-class, a module of your own");
}

int run(const Flags& flags) {
  require_model(flags);
  if (is_hub_name(flags.model_name)) return run_hub(flags);
  ConvertOptions options = options_of(flags);
  if (!flags.model_name.empty()) options.model = local_model(flags.model_name);
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
  command->add_option("--model-name", flags->model_name,
                      "The checkpoint: a folder with config.json and weights, or a model of the Hub: foo/bar, "
                      "foo/bar@revision, hf://foo/bar; or a file of torch.export.save, .pt2");
  command->add_option(
      "--output,--local-dir", flags->output,
      "The folder to write (default: NAME-tf in the working folder; beside the model's when that is the "
      "working folder)");
  command
      ->add_option("--formats", flags->formats,
                   "What to write, separated by commas: h5, safetensors, saved_model, litert")
      ->capture_default_str();
  flags->litert_given = command
                            ->add_option("--litert", flags->litert,
                                         "What the weights of model.tflite are kept in: float32, float16 or int8. Of "
                                         "the last two the distance from PyTorch is measured, and --max-error is for "
                                         "their outputs alone")
                            ->capture_default_str();
  add_dtype_flag(command, &flags->dtype, "What the variables are kept in; TensorFlow computes in float32 with them");
  command->add_option("--max-shard-size", flags->max_shard_size, "Larger weight files are split")
      ->capture_default_str();
  command->add_flag("--new-weights", flags->options.new_weights,
                    "Replace the TensorFlow weights that are there already, of all formats");
  command->add_flag("--no-verify", flags->no_verify, "Convert without comparing; needs no PyTorch");
  command
      ->add_option("--via", flags->options.settings.via,
                   "class: a class that is written here, see `crossload list`; trace: what torch.export makes of "
                   "PyTorch's, for any architecture (default: class where there is one)")
      ->check(CLI::IsMember({"class", "trace"}));
  add_run_flags(command, &flags->options.settings);
  flags->max_error_given = command->get_option("--max-error");
  command->add_flag("--no-pr", flags->no_pr,
                    "For a model of the Hub: open no pull request; TensorFlow weights that it has are compared");
  command->add_flag("--push", flags->push, "For a model of the Hub: commit to main instead of opening a pull request");
  command->add_option("--extra-commit-description", flags->extra_commit_description,
                      "Text to add to the description of the pull request");
  command->footer(
      "Examples:\n"
      "  crossload pt-to-tf --model-name ./my-bert --output ./my-bert-tf\n"
      "  crossload pt-to-tf --model-name foo/bar --no-pr --formats h5 --report bar.html\n"
      "  crossload pt-to-tf --model-name ./my-bert --reference my-bert.trace.safetensors --max-error 1e-6");
  command->callback([flags, action] { *action = [flags] { return run(*flags); }; });
}

}  // namespace crossload::cli

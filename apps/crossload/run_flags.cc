#include "run_flags.h"

#include <CLI/CLI.hpp>

namespace crossload::cli {
namespace {

/// PATTERN=REASON, any number of times, into pairs.
void add_ignore_flag(CLI::App* command, std::vector<std::pair<std::string, std::string>>* ignored) {
  const auto take = [ignored](const std::string& text) {
    const std::size_t equals = text.find('=');
    if (equals == 0 || equals == std::string::npos || equals + 1 == text.size()) {
      throw CLI::ValidationError("--ignore-tensors", "\"" + text + "\" is not PATTERN=REASON");
    }
    ignored->emplace_back(text.substr(0, equals), text.substr(equals + 1));
  };
  command
      ->add_option_function<std::string>(
          "--ignore-tensors", take,
          "PATTERN=REASON: tensors of the checkpoint that the class has no place for and that may go, * and ? in their "
          "names stand for any text; the certificate repeats the reason. May be given several times")
      ->trigger_on_parse()
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

/// "live" or a trace.
void add_reference_flag(CLI::App* command, std::filesystem::path* reference) {
  const auto take = [reference](const std::string& text) {
    *reference = text == "live" ? std::filesystem::path() : std::filesystem::path(text);
  };
  command
      ->add_option_function<std::string>(
          "--reference", take,
          "What PyTorch computes: live (runs the checkpoint), or a trace made by `crossload record`")
      ->default_str("live");
}

void add_tolerance_flags(CLI::App* command, RunSettings* settings) {
  command->add_option("--max-error", settings->max_error, "Largest absolute difference that agrees")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  command
      ->add_option("--max-hidden-error", settings->max_hidden_error,
                   "The same for the modules inside the model and its hidden states (default: --max-error)")
      ->check(CLI::NonNegativeNumber);
  command->add_flag("--strict", settings->strict, "What only float32's rounding explains is a disagreement");
}

}  // namespace

void add_class_flag(CLI::App* command, std::string* model_class) {
  command->add_option("--override-model-class", *model_class,
                      "The class instead of config.json's: BertForMaskedLM, TFBertForMaskedLM, TFAutoModelForMaskedLM");
}

void add_trust_flag(CLI::App* command, bool* trust) {
  command->add_flag(
      "--trust-remote-code", *trust,
      "Run the Python code that comes with the checkpoint, which config.json names under auto_map: read it "
      "first, it can do whatever you can; or read a file of torch.export.save, which can do so, too");
}

void add_input_flags(CLI::App* command, std::filesystem::path* inputs, std::string* grid) {
  command->add_option("--inputs", *inputs,
                      "What PyTorch and TensorFlow run on: a safetensors or npz file, names as PyTorch's "
                      "(default: made from the model's signature and processor)");
  command
      ->add_option("--grid", *grid,
                   "Also run on other lengths, paddings, batches, optional inputs and, with full, half precisions")
      ->check(CLI::IsMember({"none", "quick", "full"}))
      ->capture_default_str();
}

void add_tensorflow_flag(CLI::App* command, std::filesystem::path* tensorflow) {
  command->add_option("--tensorflow", *tensorflow,
                      "libtensorflow_cc.so.2, or a virtual environment that has tensorflow");
}

void add_python_flag(CLI::App* command, std::filesystem::path* python) {
  command->add_option("--python", *python, "The Python that has torch and transformers");
}

void add_dtype_flag(CLI::App* command, std::string* dtype, const std::string& what) {
  command->add_option("--dtype", *dtype, what)
      ->check(CLI::IsMember({"float32", "float16", "bfloat16"}))
      ->capture_default_str();
}

void add_threads_flag(CLI::App* command, int* threads) {
  command->add_option("--threads", *threads, "Threads of the frameworks; another number may change last bits")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
}

void add_run_flags(CLI::App* command, RunSettings* settings) {
  add_class_flag(command, &settings->override_model_class);
  command->add_option(
      "--python-class", settings->python_class,
      "PACKAGE.MODULE:FUNCTION instead of a checkpoint: a module of your own, which the function returns "
      "with example inputs, (torch.nn.Module, {name: tensor}); looked for from the current folder");
  add_trust_flag(command, &settings->trust_remote_code);
  add_ignore_flag(command, &settings->ignore_tensors);
  add_reference_flag(command, &settings->reference);
  add_input_flags(command, &settings->inputs, &settings->grid);
  add_tolerance_flags(command, settings);
  command->add_option("--json", settings->json, "Write the certificate to this file, whatever the verdict");
  command->add_option("--report", settings->report,
                      "Write the certificate as a page to read, one HTML file, whatever the verdict");
  add_tensorflow_flag(command, &settings->tensorflow);
  add_python_flag(command, &settings->python);
  add_threads_flag(command, &settings->threads);
  command->add_flag("--onednn", settings->onednn, "Let TensorFlow use oneDNN's kernels");
}

}  // namespace crossload::cli

#include "proof_flags.h"

#include <CLI/CLI.hpp>

namespace crossload::program {

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

void add_proof_flags(CLI::App* command, bool* strict, std::filesystem::path* inputs, std::string* grid) {
  add_input_flags(command, inputs, grid);
  command->add_flag("--strict", *strict, "What only float32's rounding explains is a disagreement");
}

}  // namespace crossload::program

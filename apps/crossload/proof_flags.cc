#include "proof_flags.h"

#include <CLI/CLI.hpp>

namespace crossload::program {

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

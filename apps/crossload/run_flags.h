// The flags that several commands have, each declared once.
#pragma once

#include <filesystem>
#include <string>

#include "crossload/settings.h"

namespace CLI {
class App;
}

namespace crossload::cli {

/// --python-class, --trust-remote-code, --reference, --inputs, --grid, --max-error, --max-hidden-error, --strict,
/// --override-model-class, --ignore-tensors, --tensorflow, --python, --threads, --onednn, --json and --report: what a
/// command that compares has.
void add_run_flags(CLI::App* command, RunSettings* settings);

// Some of them, for commands that have only these.
void add_class_flag(CLI::App* command, std::string* model_class);
void add_trust_flag(CLI::App* command, bool* trust);
void add_input_flags(CLI::App* command, std::filesystem::path* inputs, std::string* grid);
void add_tensorflow_flag(CLI::App* command, std::filesystem::path* tensorflow);
void add_python_flag(CLI::App* command, std::filesystem::path* python);
/// --dtype, a word of word_of.
void add_dtype_flag(CLI::App* command, std::string* dtype, const std::string& what);
void add_threads_flag(CLI::App* command, int* threads);

}  // namespace crossload::cli

// Flags that several commands have: what the proof runs on, and how it judges.
#pragma once

#include <filesystem>
#include <string>

namespace CLI {
class App;
}

namespace crossload::program {

/// --inputs and --grid
void add_input_flags(CLI::App* command, std::filesystem::path* inputs, std::string* grid);
/// The same, and --strict
void add_proof_flags(CLI::App* command, bool* strict, std::filesystem::path* inputs, std::string* grid);

}  // namespace crossload::program

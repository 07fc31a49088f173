// Flags that several commands have: what the proof runs on, and how it judges.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace CLI {
class App;
}

namespace crossload::program {

/// --ignore-tensors PATTERN=REASON, any number of times, into pairs. Throws what CLI11 throws for one without a reason.
void add_ignore_flag(CLI::App* command, std::vector<std::pair<std::string, std::string>>* ignored);
/// --inputs and --grid
void add_input_flags(CLI::App* command, std::filesystem::path* inputs, std::string* grid);
/// The same, and --strict
void add_proof_flags(CLI::App* command, bool* strict, std::filesystem::path* inputs, std::string* grid);

}  // namespace crossload::program

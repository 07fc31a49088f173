#include "verify/reference.h"

#include <vector>

namespace crossload {

/// tools/record_reference.py and what it imports, embedded by the build: path, text, path, text, ..., nullptr.
extern const char* const recorder_files[];

namespace verify {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSignatureFile = "signature.json";

std::vector<std::string> arguments(const PythonFiles& files, const fs::path& model, const fs::path& trace,
                                   const ReferenceOptions& options) {
  std::vector<std::string> words = {files.at("record_reference.py").string(),
                                    "--model",
                                    model.string(),
                                    "--output",
                                    trace.string(),
                                    "--grid",
                                    options.grid,
                                    "--threads",
                                    std::to_string(options.threads),
                                    "--seed",
                                    std::to_string(options.seed)};
  if (!options.model_class.empty()) words.insert(words.end(), {"--model-class", options.model_class});
  if (!options.signature.empty()) {
    files.write(kSignatureFile, options.signature);
    words.insert(words.end(), {"--signature", files.at(kSignatureFile).string()});
  }
  if (!options.inputs.empty()) words.insert(words.end(), {"--inputs", options.inputs.string()});
  if (!options.weights.empty()) words.insert(words.end(), {"--weights", options.weights});
  if (!options.program.empty()) words.insert(words.end(), {"--program", options.program.string()});
  if (options.program_only) words.emplace_back("--program-only");
  return words;
}

}  // namespace

ReferenceProcess::ReferenceProcess(const fs::path& model, const fs::path& trace, const ReferenceOptions& options)
    : files_(trace.string() + ".recorder", recorder_files),
      process_({"PyTorch reference", "torch and transformers", "give a recorded trace with --reference FILE"},
               options.python, arguments(files_, model, trace, options)) {}

}  // namespace verify
}  // namespace crossload

#include "verify/reference.h"

#include <vector>

#include "bytes/json.h"

namespace crossload {

/// tools/record_reference.py and what it imports, embedded by the build: path, text, path, text, ..., nullptr.
extern const char* const recorder_files[];

namespace verify {
namespace {

namespace fs = std::filesystem;

constexpr const char* kName = "PyTorch reference";
constexpr const char* kPackages = "torch and transformers";
constexpr const char* kRecorder = "record_reference.py";
constexpr const char* kSignatureFile = "signature.json";
constexpr const char* kOperationsFile = "operations.json";

std::vector<std::string> arguments(const PythonFiles& files, const fs::path& model, const fs::path& trace,
                                   const ReferenceOptions& options) {
  std::vector<std::string> words = {files.at(kRecorder).string(),
                                    options.python_class.empty() ? "--model" : "--checkpoint",
                                    model.string(),
                                    "--output",
                                    trace.string(),
                                    "--grid",
                                    options.grid,
                                    "--threads",
                                    std::to_string(options.threads),
                                    "--seed",
                                    std::to_string(options.seed)};
  if (!options.python_class.empty()) words.insert(words.end(), {"--python-class", options.python_class});
  if (!options.model_class.empty()) words.insert(words.end(), {"--model-class", options.model_class});
  if (!options.signature.empty()) {
    files.write(kSignatureFile, options.signature);
    words.insert(words.end(), {"--signature", files.at(kSignatureFile).string()});
  }
  if (!options.inputs.empty()) words.insert(words.end(), {"--inputs", options.inputs.string()});
  if (!options.weights.empty()) words.insert(words.end(), {"--weights", options.weights});
  if (!options.program.empty()) words.insert(words.end(), {"--program", options.program.string()});
  if (!options.operations.empty()) {
    bytes::Json names = bytes::Json::array();
    for (const std::string& name : options.operations) names.push_back(name);
    files.write(kOperationsFile, names.dump());
    words.insert(words.end(), {"--operations", files.at(kOperationsFile).string()});
  }
  if (options.trust_remote_code) words.emplace_back("--trust-remote-code");
  if (options.program_only) words.emplace_back("--program-only");
  return words;
}

fs::path recorder_beside(const fs::path& output) { return output.string() + ".recorder"; }

}  // namespace

ReferenceProcess::ReferenceProcess(const fs::path& model, const fs::path& trace, const ReferenceOptions& options)
    : files_(recorder_beside(trace), recorder_files),
      process_({kName, kPackages, "give a recorded trace with --reference FILE"}, options.python,
               arguments(files_, model, trace, options)) {}

void save_python_class(const std::string& python_class, const fs::path& folder, const fs::path& python,
                       const std::function<void(const std::string& step)>& progress) {
  const PythonFiles files(recorder_beside(folder), recorder_files);
  PythonProcess process(
      {kName, kPackages, ""}, python,
      {files.at(kRecorder).string(), "--python-class", python_class, "--checkpoint", folder.string()});
  process.wait(progress);
}

}  // namespace verify
}  // namespace crossload

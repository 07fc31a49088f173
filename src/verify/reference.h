// Running PyTorch: tools/record_reference.py in a Python that has torch and transformers.
//
//     ReferenceOptions options;
//     options.signature = R"({"serving": [{"name": "input_ids", "dtype": "int32", "shape": [-1, -1]}]})";
//     ReferenceProcess process(checkpoint, trace, options);
//     ...
//     process.wait([](const std::string& step) { ... });
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "verify/python_process.h"

namespace crossload::verify {

struct ReferenceOptions {
  std::filesystem::path python;    // empty: CROSSLOAD_PYTHON, the active virtual environment, a `.venv` beside the
                                   // program or in the working folder, python3
  std::string python_class;        // a module of the user's own, whose checkpoint the model is; empty: the checkpoint's
  std::string model_class;         // the PyTorch class, "BertForMaskedLM"; empty: the one of config.json
  bool trust_remote_code = false;  // code of the checkpoint's own may be run
  std::string signature;           // JSON: the inputs that the TensorFlow model takes, described in
                                   // tools/reference/signature.py; empty: those of PyTorch's forward
  std::filesystem::path inputs;    // .safetensors or .npz with the inputs to run on; empty: made ones
  std::string weights;             // "float16" or "bfloat16": PyTorch's are rounded to it; empty: as they are
  std::string grid = "none";       // further sets of inputs: "none", "quick", "full"
  std::filesystem::path program;   // where to write the model as torch.export traces it; empty: it is not traced
  bool program_only = false;       // and nothing is recorded
  std::vector<std::string> operations;  // ATen's that are known; others are taken apart where PyTorch says how
  int threads = 1;
  int seed = 0;
};

/// Saves what a Python function "package.module:function" returns, (torch.nn.Module, {name: tensor}), as a checkpoint
/// in a folder that is there. Throws as ReferenceProcess does.
void save_python_class(const std::string& python_class, const std::filesystem::path& folder,
                       const std::filesystem::path& python,
                       const std::function<void(const std::string& step)>& progress);

/// The recorder, started in the background so that writing can go on.
class ReferenceProcess {
 public:
  /// Records the model into `trace`. Throws Error(kEnvironment) when Python cannot be started.
  ReferenceProcess(const std::filesystem::path& model, const std::filesystem::path& trace,
                   const ReferenceOptions& options);
  /// Waits for the trace, and passes on what the recorder says that it does. Throws Error with the recorder's own
  /// message and kind.
  void wait(const std::function<void(const std::string& step)>& progress) { process_.wait(progress); }
  /// Waits for the traced program alone, which is there before the trace. Throws as wait() does.
  void wait_for_program(const std::function<void(const std::string& step)>& progress) {
    process_.wait_for("program", progress);
  }

 private:
  PythonFiles files_;
  PythonProcess process_;
};

}  // namespace crossload::verify

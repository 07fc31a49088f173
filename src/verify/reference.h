// Running PyTorch: tools/record_reference.py in a Python that has torch and transformers.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

namespace crossload::verify {

struct ReferenceOptions {
  std::filesystem::path python;  // empty: CROSSLOAD_PYTHON, the active virtual environment, a `.venv` beside the
                                 // program or in the working folder, python3
  std::string model_class;       // the PyTorch class, "BertForMaskedLM"; empty: the one of config.json
  int threads = 1;
  int seed = 0;
  std::string signature;         // as JSON, see tools/record_reference.py; empty: PyTorch's own
  std::filesystem::path inputs;  // safetensors or npz; empty: made from the signature
  std::string grid = "none";     // "quick" or "full": also on other inputs
};

/// The recorder, started in the background so that writing can go on.
class ReferenceProcess {
 public:
  /// Records the model into `trace`. Throws Error(kEnvironment) when Python cannot be started.
  ReferenceProcess(const std::filesystem::path& model, const std::filesystem::path& trace,
                   const ReferenceOptions& options);
  /// Ends the recorder if it still runs.
  ~ReferenceProcess();
  ReferenceProcess(const ReferenceProcess&) = delete;
  ReferenceProcess& operator=(const ReferenceProcess&) = delete;

  /// Waits for the trace, and passes on what the recorder says that it does. Throws Error with the recorder's own
  /// message and kind.
  void wait(const std::function<void(const std::string& step)>& progress);

 private:
  std::filesystem::path script_;
  std::string python_;
  int process_ = -1;
  int output_ = -1;
  int errors_ = -1;
};

}  // namespace crossload::verify

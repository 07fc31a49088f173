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

namespace crossload::verify {

struct ReferenceOptions {
  std::filesystem::path python;  // empty: CROSSLOAD_PYTHON, the active virtual environment, a `.venv` beside the
                                 // program or in the working folder, python3
  std::string model_class;       // the PyTorch class, "BertForMaskedLM"; empty: the one of config.json
  std::string signature;         // JSON: the inputs that the TensorFlow model takes, described in
                                 // tools/reference/signature.py; empty: those of PyTorch's forward
  std::filesystem::path inputs;  // .safetensors or .npz with the inputs to run on; empty: made ones
  std::string weights;           // "float16" or "bfloat16": PyTorch's are rounded to it; empty: as they are
  std::string grid = "none";     // further sets of inputs: "none", "quick", "full"
  int threads = 1;
  int seed = 0;
};

/// The recorder's files in a folder of their own, while this lives.
class RecorderFiles {
 public:
  /// Makes `folder` and writes them into it. Throws Error(kEnvironment).
  RecorderFiles(std::filesystem::path folder, const ReferenceOptions& options);
  ~RecorderFiles();
  RecorderFiles(const RecorderFiles&) = delete;
  RecorderFiles& operator=(const RecorderFiles&) = delete;

  std::filesystem::path script() const { return folder_ / "record_reference.py"; }
  std::filesystem::path signature() const { return folder_ / "signature.json"; }

 private:
  void remove();

  std::filesystem::path folder_;
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
  RecorderFiles files_;
  std::string python_;
  int process_ = -1;
  int output_ = -1;
  int errors_ = -1;
};

}  // namespace crossload::verify

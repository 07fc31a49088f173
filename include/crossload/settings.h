// What every job that compares TensorFlow with PyTorch takes.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace crossload {

struct RunSettings {
  /// What the certificate calls the model; empty: the last part of its path.
  std::string name = {};
  /// A class or TFAutoModel family instead of the one in config.json.
  std::string override_model_class = {};
  /// How the model gets into TensorFlow: by a "class" of Crossload's, by a "trace" of torch.export, or, when empty, by a
  /// class where there is one for it, else by a trace.
  std::string via = {};
  /// A module that is no model of Transformers, in place of a checkpoint: the function "package.module:function" returns
  /// it with its example inputs, (torch.nn.Module, {name: tensor}). It is traced.
  std::string python_class = {};
  /// Code of the checkpoint's own, which config.json names under "auto_map", may be run; it then is what is traced.
  bool trust_remote_code = false;
  /// Tensors of the checkpoint that the class has no place for and that may go: patterns with * and ? for their names
  /// in the file, and the reasons, which the certificate's ledger repeats.
  std::vector<std::pair<std::string, std::string>> ignore_tensors = {};

  /// A trace of what PyTorch computes; empty: a live run.
  std::filesystem::path reference = {};
  /// A safetensors or npz file of inputs for a live run, names as PyTorch's; empty: made from the signature.
  std::filesystem::path inputs = {};
  /// Further inputs, in a live run: "none", "quick" or "full".
  std::string grid = "none";

  /// The largest absolute difference that agrees; for what is inside the model, when that has a limit of its own.
  double max_error = 1e-5;
  std::optional<double> max_hidden_error = std::nullopt;
  /// What only float32's rounding explains is a disagreement too.
  bool strict = false;

  /// libtensorflow_cc.so.2 or an environment that has TensorFlow, and the Python that has PyTorch; empty: found.
  std::filesystem::path tensorflow = {};
  std::filesystem::path python = {};
  /// Of both frameworks.
  int threads = 1;
  /// TensorFlow may use oneDNN's kernels.
  bool onednn = false;

  /// Write the certificate here too, whatever the verdict; and as a page to read, one HTML file.
  std::filesystem::path json = {};
  std::filesystem::path report = {};
};

}  // namespace crossload

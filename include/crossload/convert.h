// The main job: a PyTorch checkpoint becomes TensorFlow artifacts, and is proved to agree.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace crossload {

enum class Format { kH5, kSafetensors, kSavedModel };

struct ConvertOptions {
  /// A folder with config.json and the weights, or a golden.
  std::filesystem::path model;
  /// What the certificate calls it; empty: the last part of `model`.
  std::string name = {};
  /// The artifact's folder, made when it is not there.
  std::filesystem::path output;
  std::set<Format> formats = {Format::kH5, Format::kSafetensors, Format::kSavedModel};
  /// A class or TFAutoModel family instead of the one in config.json.
  std::string override_model_class;
  /// Tensors of the checkpoint that the class has no place for and that may go: patterns with * and ? for their names
  /// in the file, and the reasons, which the certificate's ledger repeats.
  std::vector<std::pair<std::string, std::string>> ignore_tensors = {};
  /// Replace the TensorFlow weights that the folder has already, in whatever format they are.
  bool new_weights = false;
  std::int64_t max_shard_size = 10'000'000'000;

  /// Compare with PyTorch: a live run, or the trace in `reference`.
  bool verify = true;
  std::filesystem::path reference;
  double max_error = 1e-5;
  double max_hidden_error = 1e-5;
  /// What only float32's rounding explains is a disagreement too.
  bool strict = false;
  /// A safetensors or npz file of inputs for the live reference, names as PyTorch's; empty: made from the signature.
  std::filesystem::path inputs = {};
  /// Further inputs, in the live reference: "none", "quick" or "full".
  std::string grid = "none";

  std::filesystem::path tensorflow = {};
  std::filesystem::path python;
  int threads = 1;
  bool onednn = false;

  /// Write the certificate here too, whatever the verdict.
  std::filesystem::path json;
  /// And as a page to read, one HTML file.
  std::filesystem::path report = {};
};

/// One line of the closing table: the modules below one part of the model, or one output.
struct TableRow {
  std::string name;
  std::size_t stages = 0;
  double max_error = 0;
  double max_error_padded = 0;  // negative when no position is excluded
  bool agrees = true;
  std::size_t rounding = 0;  // tensors that only float32's rounding explains
};

struct ConvertResult {
  bool verified = false;
  bool agrees = false;
  /// "agrees", "agrees; N of M tensors are over 1e-05 by float32's rounding, ...", "disagrees" or "not verified".
  std::string verdict;
  /// False when the models disagree: the target is as it was.
  bool written = false;
  std::string tensorflow_class;
  std::filesystem::path output;
  std::vector<std::string> files;
  std::size_t tensors_bound = 0;
  std::size_t tensors_tied = 0;
  std::size_t tensors_ignored = 0;
  std::size_t modules_traced = 0;
  std::size_t modules_compared = 0;
  bool served = false;
  std::size_t functions = 0;      // of the SavedModel
  std::size_t functions_run = 0;  // that were called and compared
  std::size_t cells = 0;          // further sets of inputs that were run
  std::vector<TableRow> table;
  /// Sentences about what rounding alone explains; empty when nothing is over the limit.
  std::vector<std::string> rounding;
  /// Sentences of the reference, what it had to do without; and which files of an earlier conversion went.
  std::vector<std::string> notes;
  /// Sentences about the first divergence and what was not compared; empty when all agree.
  std::vector<std::string> findings;
  /// The certificate, a JSON document.
  std::string certificate;
};

/// What is being done, step `step` of `steps`.
using Progress = std::function<void(int step, int steps, const std::string& what)>;

/// Throws Error. A disagreement is no error: it is in the result, and nothing is written.
ConvertResult convert(const ConvertOptions& options, const Progress& progress = {});

struct RecordOptions {
  std::filesystem::path model;
  std::filesystem::path output;
  std::string override_model_class;
  std::filesystem::path python;
  int threads = 1;
  int seed = 0;
  std::filesystem::path inputs = {};
  std::string grid = "none";
};

/// Records what PyTorch computes into a trace. Throws Error.
void record(const RecordOptions& options, const Progress& progress = {});

}  // namespace crossload

// Making model.tflite and running it: tools/convert_litert.py in a Python that has TensorFlow.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "bytes/json.h"
#include "crossload/litert_type.h"
#include "export/saved_model_graph.h"
#include "verify/values.h"

namespace crossload::verify {

/// What TensorFlow's converter wrote, or what a file that is there says of itself.
struct LitertConversion {
  std::string converter;  // TensorFlow's version; empty for a file that is there
  LitertType type = LitertType::kFloat32;
  std::int64_t bytes = 0;
  std::vector<std::string> signatures;
  std::map<std::string, std::int64_t> operators;  // how often model.tflite has each, "FULLY_CONNECTED"
  /// By operator: of which operations of TensorFlow it was made, "BiasAdd + MatMul", and how often. Empty for a file that
  /// is there.
  std::map<std::string, std::map<std::string, std::int64_t>> made_of;
};

/// What one interpreter returned for one signature on one set of inputs.
struct LitertRun {
  std::string inputs;       // "main", or "cell.<n>": the further inputs of the trace
  std::string interpreter;  // "ai_edge_litert"
  std::string signature;
  std::map<std::string, Values> outputs;
  std::string error = {};  // why it did not run; empty when it did
};

struct LitertInterpreter {
  std::string name;
  std::string version;
};

struct LitertRuns {
  LitertConversion file;  // its type is float16 or int8 where any weights are kept so
  std::vector<LitertInterpreter> interpreters;
  std::vector<LitertRun> runs;
  /// What the file still has of modules' results, by place in ServedStages::stages.
  std::map<std::size_t, Values> stages;
};

/// Runs the program once for each call, with its files in `folder`, which is for the caller to remove.
class LitertProcess {
 public:
  using Progress = std::function<void(const std::string& step)>;

  /// `python`: as in ReferenceOptions. `otherwise`: what the user can do where Python cannot, see PythonProgram.
  LitertProcess(std::filesystem::path python, std::filesystem::path folder, std::string otherwise)
      : python_(std::move(python)), folder_(std::move(folder)), otherwise_(std::move(otherwise)) {}

  /// Writes `file` with these signatures of the SavedModel. Throws Error: kEnvironment where there is no converter,
  /// kUnsupported where LiteRT cannot compute the model without select ops.
  LitertConversion convert(const std::filesystem::path& saved_model, const std::vector<std::string>& signatures,
                           LitertType type, const std::filesystem::path& file, const Progress& progress) const;

  /// Runs `file` on the inputs of a trace by every interpreter that is installed. Throws Error(kEnvironment) where none
  /// is. `stages`: what to look for inside a file of float32; null for nothing.
  LitertRuns run(const std::filesystem::path& file, const std::filesystem::path& trace,
                 const exporting::ServedStages* stages, int threads, const Progress& progress) const;

 private:
  void call(const std::vector<std::string>& arguments, const Progress& progress) const;

  std::filesystem::path python_;
  std::filesystem::path folder_;
  std::string otherwise_;
};

}  // namespace crossload::verify

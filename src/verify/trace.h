// What PyTorch computed: a file written by tools/record_reference.py.
//
//   input.<name>      what the model was called with
//   stage.<path>      what the module at that path returned; `.<i>` is added when it returns several tensors, and
//   `#<k>`
//                     to the path for the k-th call after the first
//   output.<name>     the model's own results; `.<i>` for the members of a list
//   stage64.*, output64.*   the same of a run in float64
//   noise.*, outputnoise.*  how far float32 runs whose last bits were shaken are from that, element by element
//   weight.<key>      in goldens: the checkpoint itself
//   metadata          class, config, versions, seed, stages (a JSON list in the order of execution), not_called
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "checkpoint/json.h"
#include "tensor/tensor_view.h"

namespace crossload::verify {

/// One call of one module, in the order in which they returned.
struct TracedStage {
  std::string path;
  int call = 0;
  std::string class_name;
  std::string source;                // "modeling_bert.py:97", empty when not known
  std::vector<std::string> tensors;  // their names after "stage." and "stage64."; none if it returned no float tensor
};

class Trace {
 public:
  /// Throws Error(kBadInput) when the file is no trace.
  static Trace open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  const std::map<std::string, TensorView>& inputs() const { return inputs_; }
  const std::vector<TracedStage>& stages() const { return stages_; }
  /// Names of the outputs, in the order of the file.
  const std::vector<std::string>& outputs() const { return outputs_; }
  /// "stage.<name>", "stage64.<name>", ...; nullptr when it is not there.
  const TensorView* find(const std::string& name) const;
  std::string metadata(const std::string& key) const;
  /// True for a golden, which holds its checkpoint too.
  bool has_weights() const { return has_weights_; }

 private:
  std::filesystem::path path_;
  std::map<std::string, std::string> metadata_;
  std::map<std::string, TensorView> tensors_;
  std::map<std::string, TensorView> inputs_;
  std::vector<TracedStage> stages_;
  std::vector<std::string> outputs_;
  bool has_weights_ = false;
};

}  // namespace crossload::verify

// What PyTorch computed: a file written by tools/record_reference.py. docs/verification.md describes it.
//
//   input.<name>            what the model was called with
//   stage.<path>            what the module at that path returned; `.<i>` is added when it returns several tensors,
//                           and `#<k>` to the path for the k-th call after the first
//   output.<name>           the model's own results; `.<i>` for the members of a list
//   stage64.*, output64.*   the same of a run in float64
//   noise.*, outputnoise.*  how far float32 runs whose last bits were shaken are from that, element by element
//   weight.<key>            in goldens: the checkpoint itself
//   cell.<i>/...            the same (but weights) for further inputs, the cells
//   metadata                class, config, versions, seed, stages (a JSON list in the order of execution), ...
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "bytes/json.h"
#include "tensor/tensor_view.h"

namespace crossload::verify {

/// Where a module was called from.
struct Caller {
  std::string path;  // empty for the model itself
  std::string class_name;
  std::string source;  // "modeling_bert.py:412", the line of the call
};

/// One call of one module, in the order in which they returned.
struct TracedStage {
  std::string path;
  int call = 0;
  std::string class_name;
  std::string source;                // "modeling_bert.py:97", empty when not known
  Caller caller;                     // empty in traces that do not say
  std::vector<std::string> tensors;  // their names after "stage." and "stage64."; none if it returned no float tensor
  std::vector<std::string> masks;    // of each tensor: the input that masks its positions; empty for none
};

struct TraceCell;

class Trace {
 public:
  /// Throws Error(kBadInput) when the file is no trace.
  static Trace open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  const std::map<std::string, tensor::TensorView>& inputs() const { return inputs_; }
  const std::vector<TracedStage>& stages() const { return stages_; }
  /// Names of the outputs, in the order of the file.
  const std::vector<std::string>& outputs() const { return outputs_; }
  /// The input that masks an output's positions; empty for none.
  std::string mask_of_output(const std::string& name) const;
  /// False when what is at the positions that the mask excludes is another thing in the version of Transformers that
  /// made the trace, so that only the others of "stage.<name>" or "output.<name>" can be compared. A note says why.
  bool excluded_count(const std::string& name) const { return !not_comparable_.contains(name); }
  /// "stage.<name>", "stage64.<name>", ...; nullptr when it is not there.
  const tensor::TensorView* find(const std::string& name) const;
  std::string metadata(const std::string& key) const;
  bool has_metadata(const std::string& key) const { return metadata_->contains(key); }
  /// True for a golden, which holds its checkpoint too.
  bool has_weights() const { return has_weights_; }
  /// What else was run. A cell has none.
  const std::vector<TraceCell>& cells() const { return cells_; }
  /// Sentences of the recorder for the user.
  const std::vector<std::string>& notes() const { return notes_; }
  /// Inputs that change what PyTorch returns and that the TensorFlow model's signature lacks.
  const std::vector<std::string>& not_taken() const { return not_taken_; }

 private:
  void read_run(const bytes::Json& stages, const bytes::Json& output_masks);
  void read_not_comparable(const bytes::Json& entries);

  std::filesystem::path path_;
  std::shared_ptr<const std::map<std::string, std::string>> metadata_;
  std::map<std::string, tensor::TensorView> tensors_;
  std::map<std::string, tensor::TensorView> inputs_;
  std::vector<TracedStage> stages_;
  std::vector<std::string> outputs_;
  std::map<std::string, std::string> output_masks_;
  std::vector<TraceCell> cells_;
  std::vector<std::string> notes_;
  std::vector<std::string> not_taken_;
  std::set<std::string> not_comparable_;
  bool has_weights_ = false;
};

/// The same model on other inputs, or with its weights rounded.
struct TraceCell {
  std::string name;     // "call:input_ids", "length_1"
  std::string what;     // a sentence
  std::string weights;  // "float16", "bfloat16", or empty: as they are
  Trace trace;
};

}  // namespace crossload::verify

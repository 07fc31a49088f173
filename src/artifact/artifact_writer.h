// A conversion on its way into its folder.
//
//   ArtifactWriter artifact("my-bert-tf", source, formats, /*new_weights=*/false);  // or an error: nothing was touched
//   write_weights(..., artifact.path(), ...);
//   artifact.commit();                                                             // all of it at once
//
// Afterwards the folder holds this conversion and everything that was not of an earlier one:
//
//   earlier TensorFlow weights, of any format   gone with new_weights, else an error: Transformers would take an old
//                                               model.safetensors before a new tf_model.h5
//   PyTorch's weights                           kept. Beside them go only conversions of these very weights, without
//                                               safetensors (PyTorch takes a model.safetensors first); config.json
//                                               and the tokenizer files that are there stay
//   an earlier conversion's config.json and     replaced or gone, as long as nobody changed them
//   tokenizer files
//   everything else                             kept; where it has a name that is to be written: an error
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "artifact/artifact_folder.h"
#include "artifact/staging.h"
#include "checkpoint/config.h"

namespace crossload::artifact {

/// Where a conversion comes from.
struct ArtifactSource {
  std::filesystem::path folder;              // that has the tokenizer's files, and config.json if there is one
  std::vector<std::filesystem::path> files;  // that were read
  checkpoint::Config config;
  std::string architecture;            // for config.json, "BertModel"
  std::string model_type;              // the same, "bert", for one that has none
  std::filesystem::path modules = {};  // the folder of modules.json, for a model that is one of sentence-transformers
};

class ArtifactWriter {
 public:
  /// Writes config.json and the companions into path(). Throws Error(kUsage) that says what to do when the target
  /// cannot take the conversion.
  ArtifactWriter(const std::filesystem::path& target, ArtifactSource source, std::set<Format> formats,
                 bool new_weights);

  /// Where the files are to be written.
  const std::filesystem::path& path() const { return staging_.path(); }
  /// The files that are there by now, with their paths.
  std::vector<std::filesystem::path> files() const;

  /// Looks at the target once more, throws as the constructor does, and replaces it. Nothing changes before the end.
  void commit();

  /// After commit(): what went that a user might look for, in whole sentences.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  /// The files of the target that go. `incoming`: what will be written. Throws Error(kUsage) where they cannot meet.
  std::set<std::string> plan(const ArtifactFolder& old, const std::set<std::string>& incoming) const;
  void check_pytorch(const ArtifactFolder& old) const;
  void check_replaced(const ArtifactFolder& old, const std::string& file) const;
  bool is_source_of(const ArtifactFolder& old) const;
  void keep_companions() const;
  void write_companions() const;
  void write_sentence_files() const;
  void copy_if_there(const std::filesystem::path& from, const std::filesystem::path& name) const;
  void tell(const ArtifactFolder& old, std::set<std::string> removed, const std::set<std::string>& incoming);

  std::filesystem::path target_;
  ArtifactSource source_;
  std::set<Format> formats_;
  bool new_weights_;
  Staging staging_;
  std::vector<std::string> notes_;
};

}  // namespace crossload::artifact

// A folder that holds a model's files: which are TensorFlow's, which PyTorch's, and which somebody else's.
//
//   ArtifactFolder folder("my-bert-tf");
//   folder.formats();                                      // {Format::kH5, Format::kSavedModel}
//   folder.owner_of("pytorch_model.bin");                  // Owner::kPyTorch
//   const std::unique_ptr<StoredWeights> weights = folder.open();
//
// TensorFlow's are tf_model.h5, model.safetensors with "format": "tf", the shards and indexes of both, model.tflite, the
// program of a traced model, and in saved_model/ (or saved_model/1/, where Transformers puts it) what a SavedModel
// consists of. weight_files.h says which are PyTorch's.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "bytes/json.h"
#include "crossload/format.h"
#include "export/stored_weights.h"

namespace crossload::artifact {

enum class Owner { kTensorFlow, kCertificate, kPyTorch, kOther };

inline constexpr const char* kCertificateFile = "crossload.json";
inline constexpr const char* kSavedModelFolder = "saved_model";
inline constexpr const char* kLitertFile = "model.tflite";
/// The program of a model that was traced, by which the SavedModel can be compared again.
inline constexpr const char* kProgramFile = "program.safetensors";

/// The folder as it was when this was made; it need not be there.
class ArtifactFolder {
 public:
  explicit ArtifactFolder(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }
  /// Of a file, given relative to the folder. crossload.json is a certificate when it says so.
  Owner owner_of(const std::filesystem::path& relative) const;
  /// The files of an owner, relative to the folder, sorted. Owner::kOther has none here.
  std::vector<std::string> files_of(Owner owner) const;

  /// The formats in which there are TensorFlow weights that can be opened.
  std::set<Format> formats() const;
  /// Throws Error(kBadInput) when the format is not there or its files are not sound.
  std::unique_ptr<exporting::StoredWeights> open(Format format) const;
  /// The first there is of h5, SavedModel and safetensors.
  std::unique_ptr<exporting::StoredWeights> open() const;

  /// The SavedModel's folder, saved_model/ or Transformers' saved_model/1/; empty when there is none.
  std::filesystem::path saved_model() const;
  /// True for a model that was traced: kProgramFile is there.
  bool has_program() const { return owner_of(kProgramFile) == Owner::kTensorFlow; }
  /// The class that crossload.json names, or "".
  std::string certified_class() const;
  /// SHA-256 of what the conversion wrote, by file, as crossload.json has it; empty without a certificate.
  std::map<std::string, std::string> certified_files() const;

 private:
  Owner find_owner(const std::filesystem::path& relative) const;

  std::filesystem::path path_;
  std::map<std::string, Owner> owners_;  // of all files but kOther
  bytes::Json certificate_;              // null without one
};

/// Every file below the folder, relative to it, sorted.
std::vector<std::string> files_below(const std::filesystem::path& folder);

}  // namespace crossload::artifact

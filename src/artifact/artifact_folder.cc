#include "artifact/artifact_folder.h"

#include <algorithm>

#include "bytes/text_file.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/weight_files.h"
#include "crossload/error.h"

namespace crossload::artifact {
namespace {

namespace fs = std::filesystem;

/// What tf.saved_model.save writes, and Keras beside it. assets.extra/ is not among them: that is for others to fill.
bool is_part_of_saved_model(fs::path below) {
  const std::string version = below.empty() ? "" : below.begin()->string();
  const bool is_version = !version.empty() && version.find_first_not_of("0123456789") == std::string::npos;
  if (is_version) below = below.lexically_relative(version);  // saved_model/1/
  if (below.empty()) return false;
  const std::string first = below.begin()->string();
  if (first == "assets") return true;
  return below == "variables/variables.index" || below.string().starts_with("variables/variables.data-") ||
         below == "saved_model.pb" || below == "saved_model.pbtxt" || below == "keras_metadata.pb" ||
         below == "fingerprint.pb";
}

bytes::Json read_certificate(const fs::path& file) {
  try {
    const bytes::Json document = bytes::Json::parse(bytes::read_text(file), file.string());
    if (document.is_object() && document.contains("crossload_certificate")) return document;
  } catch (const Error&) {  // somebody else's file
  }
  return bytes::Json();
}

bool is_program(const fs::path& file) {
  try {
    return checkpoint::SafetensorsFile::open(file).metadata().contains("crossload_program");
  } catch (const Error&) {  // somebody else's file
    return false;
  }
}

fs::path bundle_of(const fs::path& folder) { return folder / kSavedModelFolder / "variables" / "variables"; }

}  // namespace

ArtifactFolder::ArtifactFolder(fs::path path) : path_(std::move(path)) {
  std::error_code ignored;
  if (!fs::is_directory(path_, ignored)) return;
  const auto note = [&](const fs::directory_entry& entry) {
    std::error_code unreadable;
    if (entry.is_directory(unreadable)) return;
    const fs::path relative = entry.path().lexically_relative(path_);
    const Owner owner = find_owner(relative);
    if (owner != Owner::kOther) owners_[relative.string()] = owner;
    if (owner == Owner::kCertificate) certificate_ = read_certificate(entry.path());
  };
  try {
    for (const fs::directory_entry& entry : fs::directory_iterator(path_)) note(entry);
    const fs::path saved_model = path_ / kSavedModelFolder;
    if (!fs::is_directory(saved_model)) return;
    if (fs::is_symlink(saved_model)) owners_[kSavedModelFolder] = Owner::kTensorFlow;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(saved_model)) note(entry);
  } catch (const fs::filesystem_error& error) {
    throw Error(ErrorKind::kEnvironment, error.path1().string() + ": cannot be read: " + error.code().message());
  }
}

Owner ArtifactFolder::find_owner(const fs::path& relative) const {
  const std::string first = relative.begin()->string();
  if (first == kSavedModelFolder) {
    return is_part_of_saved_model(relative.lexically_relative(first)) ? Owner::kTensorFlow : Owner::kOther;
  }
  if (relative.has_parent_path()) return Owner::kOther;
  if (first == kLitertFile || checkpoint::is_file_of(first, checkpoint::kH5Weights)) return Owner::kTensorFlow;
  if (first == kCertificateFile) {
    return read_certificate(path_ / relative).is_null() ? Owner::kOther : Owner::kCertificate;
  }
  if (first == kProgramFile) return is_program(path_ / relative) ? Owner::kTensorFlow : Owner::kOther;
  if (checkpoint::is_file_of(first, checkpoint::kSafetensorsWeights)) {
    return checkpoint::is_tensorflow_safetensors(path_ / relative) ? Owner::kTensorFlow : Owner::kPyTorch;
  }
  const bool is_pytorch = checkpoint::is_file_of_any_variant(first, checkpoint::kSafetensorsWeights) ||
                          checkpoint::is_file_of_any_variant(first, checkpoint::kPyTorchBinWeights);
  return is_pytorch ? Owner::kPyTorch : Owner::kOther;
}

Owner ArtifactFolder::owner_of(const fs::path& relative) const {
  const auto found = owners_.find(relative.string());
  return found == owners_.end() ? Owner::kOther : found->second;
}

std::vector<std::string> ArtifactFolder::files_of(Owner owner) const {
  std::vector<std::string> files;
  for (const auto& [file, its] : owners_) {
    if (its == owner) files.push_back(file);
  }
  return files;
}

std::set<Format> ArtifactFolder::formats() const {
  const auto has = [&](const std::string& file) { return owner_of(file) == Owner::kTensorFlow; };
  const auto has_weights = [&](const std::string& whole) { return has(whole) || has(checkpoint::index_of(whole)); };
  std::set<Format> formats;
  if (has_weights(checkpoint::kH5Weights)) formats.insert(Format::kH5);
  if (has_weights(checkpoint::kSafetensorsWeights)) formats.insert(Format::kSafetensors);
  if (has("saved_model/variables/variables.index")) formats.insert(Format::kSavedModel);
  return formats;
}

std::unique_ptr<exporting::StoredWeights> ArtifactFolder::open(Format format) const {
  switch (format) {
    case Format::kH5:
      return exporting::open_h5_weights(path_);
    case Format::kSafetensors:
      return exporting::open_safetensors_weights(path_);
    case Format::kSavedModel:
      return exporting::open_bundle_weights(bundle_of(path_));
    case Format::kLitert:  // what its weights were, cannot be told
      break;
  }
  throw Error(ErrorKind::kUsage, path_.string() + ": no such format");
}

std::unique_ptr<exporting::StoredWeights> ArtifactFolder::open() const {
  const std::set<Format> there = formats();
  for (const Format format : {Format::kH5, Format::kSavedModel, Format::kSafetensors}) {
    if (there.contains(format)) return open(format);
  }
  const std::vector<std::string> pytorch = files_of(Owner::kPyTorch);
  throw Error(ErrorKind::kBadInput,
              path_.string() + ": holds no tf_model.h5, saved_model/ or model.safetensors" +
                  (pytorch.empty() ? "" : " of TensorFlow; " + pytorch.front() + " is PyTorch's"));
}

fs::path ArtifactFolder::saved_model() const {
  for (const fs::path& folder : {path_ / kSavedModelFolder, path_ / kSavedModelFolder / "1"}) {
    if (fs::exists(folder / "saved_model.pb")) return folder;
  }
  return {};
}

std::string ArtifactFolder::certified_class() const {
  if (!certificate_.is_object() || !certificate_.contains("class")) return "";
  const bytes::Json name = certificate_.at("class");
  return name.is_string() ? name.as_string() : "";
}

std::map<std::string, std::string> ArtifactFolder::certified_files() const {
  std::map<std::string, std::string> files;
  if (!certificate_.is_object()) return files;
  try {
    for (const bytes::Json& entry : certificate_.at("written").elements()) {
      files[entry.at("file").as_string()] = entry.at("sha256").as_string();
    }
  } catch (const Error&) {  // written by nobody we know: it vouches for nothing
    files.clear();
  }
  return files;
}

std::vector<std::string> files_below(const fs::path& folder) {
  std::vector<std::string> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(fs::relative(entry.path(), folder).string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace crossload::artifact

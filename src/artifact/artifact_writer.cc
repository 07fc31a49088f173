#include "artifact/artifact_writer.h"

#include <algorithm>
#include <cstring>

#include "bytes/digest.h"
#include "bytes/mapped_file.h"
#include "bytes/output_file.h"
#include "bytes/some_of.h"
#include "bytes/text_file.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/companions.h"
#include "checkpoint/sentence_modules.h"
#include "checkpoint/weight_files.h"
#include "crossload/error.h"

namespace crossload::artifact {
namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::symlink_status(path, ignored).type() != fs::file_type::not_found;
}

bool is_same_file(const fs::path& one, const fs::path& other) {
  std::error_code ignored;
  return fs::equivalent(one, other, ignored);
}

bool have_same_bytes(const fs::path& one, const fs::path& other) {
  if (is_same_file(one, other)) return true;
  std::error_code error;
  if (fs::file_size(one, error) != fs::file_size(other, error) || error) return false;
  const auto first = bytes::MappedFile::open(one);
  const auto second = bytes::MappedFile::open(other);
  return first->bytes().size() == second->bytes().size() &&
         (first->bytes().empty() ||
          std::memcmp(first->bytes().data(), second->bytes().data(), first->bytes().size()) == 0);
}

bool is_in_saved_model(const fs::path& file) { return file.begin()->string() == kSavedModelFolder; }

/// "a, b, c and 4 more"; of saved_model/ the folder alone.
std::string list_of(const std::set<std::string>& files) {
  std::vector<std::string> names;
  for (const std::string& file : files) {
    const std::string name = is_in_saved_model(file) ? std::string(kSavedModelFolder) + "/" : file;
    if (names.empty() || names.back() != name) names.push_back(name);
  }
  return bytes::some_of(names);
}

std::set<std::string> as_set(const std::vector<std::string>& names) { return {names.begin(), names.end()}; }

/// Names that the formats will have for certain, as far as they are known before anything is written.
std::set<std::string> expected_files(const std::set<Format>& formats) {
  std::set<std::string> files = {kCertificateFile};
  if (formats.contains(Format::kH5)) files.insert(checkpoint::kH5Weights);
  if (formats.contains(Format::kSafetensors)) files.insert(checkpoint::kSafetensorsWeights);
  if (formats.contains(Format::kSavedModel)) files.insert("saved_model/saved_model.pb");
  if (formats.contains(Format::kLitert)) files.insert(kLitertFile);
  return files;
}

/// Looks before anything is made: a wrong target is not worth a temporary folder.
fs::path require_folder(const fs::path& target) {
  std::error_code ignored;
  if (fs::exists(target, ignored) && !fs::is_directory(target, ignored)) {
    throw Error(ErrorKind::kUsage, target.string() + ": is a file; give a folder with --output");
  }
  return target;
}

}  // namespace

ArtifactWriter::ArtifactWriter(const fs::path& target, ArtifactSource source, std::set<Format> formats,
                               bool new_weights)
    : target_(require_folder(target)),
      source_(std::move(source)),
      formats_(std::move(formats)),
      new_weights_(new_weights),
      staging_(target_) {
  const ArtifactFolder old(target_);
  plan(old, expected_files(formats_));
  if (!old.files_of(Owner::kPyTorch).empty()) {
    keep_companions();
  } else {
    write_companions();
  }
  plan(old, as_set(files_below(path())));
}

bool ArtifactWriter::is_source_of(const ArtifactFolder& old) const {
  if (is_same_file(source_.folder, target_)) return true;
  // Another copy of the same checkpoint, such as a clone of the repository that the Hub's cache has.
  const auto is_config = [](const fs::path& file) { return file.filename() == "config.json"; };
  const auto config = std::find_if(source_.files.begin(), source_.files.end(), is_config);
  if (config == source_.files.end() || !is_there(target_ / "config.json")) return false;
  try {
    const fs::path there = target_ / "config.json";
    if (bytes::Json::parse(bytes::read_text(there), there.string()).dump() != source_.config.original().dump())
      return false;
    std::set<std::string> read;
    for (const fs::path& file : source_.files) {
      if (!is_config(file)) read.insert(file.filename().string());
    }
    if (as_set(checkpoint::pytorch_files(old.path())) != read) return false;
    return std::all_of(source_.files.begin(), source_.files.end(), [&](const fs::path& file) {
      return is_config(file) || have_same_bytes(file, target_ / file.filename());
    });
  } catch (const Error&) {  // not to be read: not the same
    return false;
  }
}

void ArtifactWriter::check_pytorch(const ArtifactFolder& old) const {
  const std::vector<std::string> pytorch = old.files_of(Owner::kPyTorch);
  if (pytorch.empty()) return;
  const std::string whose = target_.string() + ": holds PyTorch's " + list_of(as_set(pytorch));
  if (formats_.contains(Format::kSafetensors)) {
    throw Error(ErrorKind::kUsage,
                whose +
                    ", which a model.safetensors of TensorFlow would replace or hide from PyTorch; leave safetensors "
                    "out of --formats, or give another folder with --output");
  }
  if (!is_source_of(old)) {
    throw Error(ErrorKind::kUsage, whose + ", which is not what is converted; give another folder with --output");
  }
  if (formats_.contains(Format::kH5) && source_.config.is_changed()) {
    throw Error(ErrorKind::kUsage,
                whose +
                    " and a config.json of Transformers 5, by which TensorFlow's T5 of Transformers 4 computes other "
                    "numbers (scale_decoder_outputs is false, and it would go by tie_word_embeddings); give "
                    "another folder with --output, and its config.json says it as 4 reads it");
  }
}

void ArtifactWriter::check_replaced(const ArtifactFolder& old, const std::string& file) const {
  const fs::path there = target_ / file;
  std::error_code ignored;
  if (fs::is_directory(there, ignored)) {
    throw Error(ErrorKind::kUsage, there.string() +
                                       ": is a folder, and a file of that name is to be written; move it away, or "
                                       "give another folder with --output");
  }
  const Owner owner = old.owner_of(file);
  if (owner == Owner::kTensorFlow || owner == Owner::kCertificate) return;
  if (is_there(path() / file) && have_same_bytes(path() / file, there)) return;
  const std::map<std::string, std::string> certified = old.certified_files();
  if (checkpoint::is_config_or_companion(file)) {
    // Beside weights that are replaced, and nobody knows better: it is theirs.
    if (certified.empty() && !old.files_of(Owner::kTensorFlow).empty()) return;
    const auto entry = certified.find(file);
    if (entry != certified.end() && bytes::sha256_of_file(there) == entry->second) return;
    if (entry != certified.end()) {
      throw Error(ErrorKind::kUsage, there.string() +
                                         ": was changed since it was converted, and would be replaced; move it away, "
                                         "or give another folder with --output");
    }
  }
  throw Error(ErrorKind::kUsage, there.string() +
                                     ": is there already, with other contents than are to be written; move it away, "
                                     "or give another folder with --output");
}

std::set<std::string> ArtifactWriter::plan(const ArtifactFolder& old, const std::set<std::string>& incoming) const {
  std::set<std::string> removed = as_set(old.files_of(Owner::kTensorFlow));
  for (const std::string& file : old.files_of(Owner::kCertificate)) removed.insert(file);
  if (!removed.empty() && !new_weights_) {
    throw Error(ErrorKind::kUsage, target_.string() + ": holds TensorFlow weights already (" + list_of(removed) +
                                       "); give --new-weights to replace them, or another folder with --output");
  }
  check_pytorch(old);
  if (is_there(target_ / kSavedModelFolder) && !fs::is_directory(target_ / kSavedModelFolder) &&
      formats_.contains(Format::kSavedModel)) {
    throw Error(ErrorKind::kUsage, (target_ / kSavedModelFolder).string() +
                                       ": is a file, and a folder of that name is to be written; move it away, or "
                                       "give another folder with --output");
  }
  for (const std::string& file : incoming) {
    if (is_there(target_ / file)) check_replaced(old, file);
  }
  if (old.files_of(Owner::kPyTorch).empty()) {
    for (const auto& [file, hash] : old.certified_files()) {
      const fs::path there = target_ / file;
      if (!checkpoint::is_config_or_companion(file) || !fs::is_regular_file(there)) continue;
      if (bytes::sha256_of_file(there) == hash) removed.insert(file);
    }
  }
  return removed;
}

/// PyTorch's config.json and its companions stay. Those that are the source's are part of what is certified.
void ArtifactWriter::keep_companions() const {
  staging_.keep([&](const fs::path& file) {
    if (!checkpoint::is_config_or_companion(file.string()) || !fs::is_regular_file(target_ / file)) return false;
    return file == "config.json" ||
           (is_there(source_.folder / file) && have_same_bytes(source_.folder / file, target_ / file));
  });
}

void ArtifactWriter::write_companions() const {
  const fs::path original = source_.folder / "config.json";
  std::error_code ignored;
  const std::string text = fs::exists(original, ignored) ? bytes::read_text(original) : "";
  bytes::write_file(path() / "config.json",
                    checkpoint::config_text(source_.config, source_.architecture, source_.model_type, text));
  for (const std::string_view name : checkpoint::companion_names()) copy_if_there(source_.folder, name);
  if (!source_.modules.empty()) write_sentence_files();
}

void ArtifactWriter::copy_if_there(const fs::path& from, const fs::path& name) const {
  std::error_code error;
  if (!fs::is_regular_file(from / name, error)) return;
  fs::create_directories((path() / name).parent_path());
  fs::copy_file(from / name, path() / name, error);
  if (error) throw Error(ErrorKind::kEnvironment, (from / name).string() + ": cannot be copied: " + error.message());
}

/// By which the SavedModel can be compared again. The transformer's files are in the folder itself, as newer ones are.
void ArtifactWriter::write_sentence_files() const {
  for (const std::string_view name : checkpoint::sentence_names()) {
    if (name != checkpoint::kSentenceModules) copy_if_there(source_.modules, name);
    if (source_.folder != source_.modules) copy_if_there(source_.folder, name);
  }
  const fs::path file = source_.modules / checkpoint::kSentenceModules;
  bytes::Json modules = bytes::Json::array();
  for (const bytes::Json& module : bytes::Json::parse(bytes::read_text(file), file.string()).elements()) {
    bytes::Json entry = bytes::Json::object();
    for (const auto& [name, value] : module.members()) entry.set(name, value);
    if (modules.size() == 0) {
      entry.set("path", "");
    } else {
      copy_if_there(source_.modules, fs::path(module.at("path").as_string()) / "config.json");
    }
    modules.push_back(entry);
  }
  bytes::write_file(path() / checkpoint::kSentenceModules, modules.dump_pretty());
}

void ArtifactWriter::tell(const ArtifactFolder& old, std::set<std::string> removed,
                          const std::set<std::string>& incoming) {
  removed.erase(kCertificateFile);
  std::erase_if(removed, [&](const std::string& file) {
    // What a new SavedModel does not have of the old one is replaced, not gone.
    const bool in_new_model = formats_.contains(Format::kSavedModel) && is_in_saved_model(file);
    return incoming.contains(file) || in_new_model;
  });
  if (!removed.empty()) {
    notes_.push_back("removed from " + target_.string() + ", left by an earlier conversion: " + list_of(removed));
  }
  if (!old.certified_files().empty()) return;
  std::set<std::string> replaced;
  for (const std::string& file : incoming) {
    const bool was_there = checkpoint::is_config_or_companion(file) && is_there(target_ / file);
    if (was_there && !have_same_bytes(path() / file, target_ / file)) replaced.insert(file);
  }
  if (replaced.empty()) return;
  notes_.push_back("replaced in " + target_.string() + ", which stood beside the older weights: " + list_of(replaced));
}

std::vector<fs::path> ArtifactWriter::files() const {
  std::vector<fs::path> paths;
  for (const std::string& file : files_below(path())) paths.push_back(path() / file);
  return paths;
}

void ArtifactWriter::commit() {
  staging_.sync();  // what takes long first, so that the look at the target is a fresh one
  const ArtifactFolder old(target_);
  const std::set<std::string> incoming = as_set(files_below(path()));
  const std::set<std::string> removed = plan(old, incoming);
  tell(old, removed, incoming);
  staging_.keep([&](const fs::path& file) {
    // Folders of a SavedModel come back with the files that are kept in them.
    if (fs::is_directory(fs::symlink_status(target_ / file))) return !is_in_saved_model(file);
    return !removed.contains(file.string());
  });
  staging_.commit();
}

}  // namespace crossload::artifact

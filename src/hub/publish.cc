// Publishing TensorFlow weights on the Hub, with their certificate.
#include <algorithm>
#include <cstdio>
#include <optional>
#include <set>

#include "bytes/digest.h"
#include "bytes/json.h"
#include "bytes/text_file.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/weight_files.h"
#include "crossload/error.h"
#include "crossload/hub.h"
#include "hub/commit.h"
#include "hub/model_card.h"

namespace crossload {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCertificate = "crossload.json";
constexpr const char* kCard = "README.md";
constexpr std::size_t kLargestCard = 4U << 20U;
/// How often main may get another commit while we publish.
constexpr int kMostConflicts = 3;
/// The tolerance without flags; a wider one is pointed out.
constexpr double kDefaultTolerance = 1e-5;

std::string scientific(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.2e", value);
  return text;
}

bool is_tensorflow_file(const std::string& name) { return checkpoint::is_file_of(name, checkpoint::kH5Weights); }

/// crossload.json of the folder, found to be about this model and to say that it agrees.
bytes::Json open_certificate(const HubModel& model, const fs::path& folder) {
  const fs::path path = folder / kCertificate;
  std::error_code ignored;
  if (!fs::exists(path, ignored)) {
    throw Error(ErrorKind::kUsage, folder.string() + ": has no crossload.json; only what is certified is published");
  }
  bytes::Json certificate = bytes::Json::parse(bytes::read_text(path), path.string());
  const std::string verdict = certificate.at("verdict").as_string();
  if (verdict != "agrees" && verdict != "agrees by rounding") {
    throw Error(ErrorKind::kUsage, path.string() + ": says \"" + verdict + "\"; only what agrees is published");
  }
  const std::string subject = certificate.at("model").as_string();
  if (subject != model.label()) {
    throw Error(ErrorKind::kUsage, path.string() + ": is about " + subject + ", not about " + model.label() +
                                       "; convert that and publish again");
  }
  return certificate;
}

/// The weights and the certificate. Each weight file must be, byte for byte, what was certified.
std::vector<hub::OutgoingFile> certified_files(const bytes::Json& certificate, const fs::path& folder) {
  std::vector<hub::OutgoingFile> files;
  for (const bytes::Json& entry : certificate.at("written").elements()) {
    const std::string name = entry.at("file").as_string();
    if (!is_tensorflow_file(name)) continue;
    const fs::path path = folder / name;
    std::error_code error;
    const bool same = static_cast<std::int64_t>(fs::file_size(path, error)) == entry.at("bytes").as_integer() &&
                      !error && bytes::sha256_of_file(path) == entry.at("sha256").as_string();
    if (!same) {
      throw Error(ErrorKind::kUsage, path.string() +
                                         ": is not the file that crossload.json is about, it changed since; convert "
                                         "again and publish that");
    }
    files.push_back({name, path});
  }
  if (files.empty()) {
    throw Error(ErrorKind::kUsage,
                folder.string() +
                    ": crossload.json names no tf_model.h5, which is what is published; convert with "
                    "h5 among the --formats");
  }
  files.push_back({kCertificate, folder / kCertificate});
  return files;
}

struct Largest {
  double outputs = 0;
  double hidden = 0;
  double modules = 0;
};

double number_or_zero(const bytes::Json& entry, const char* name) {
  return entry.contains(name) && entry.at(name).is_number() ? entry.at(name).as_number() : 0;
}

/// v4 put what has "hidden" in its name apart from the outputs; so do we.
Largest largest_differences(const bytes::Json& certificate) {
  Largest largest;
  for (const bytes::Json& entry : certificate.at("outputs").elements()) {
    double& group = entry.at("path").as_string().find("hidden") == std::string::npos ? largest.outputs : largest.hidden;
    group = std::max(group, number_or_zero(entry, "max_error"));
  }
  for (const bytes::Json& entry : certificate.at("stages").elements()) {
    largest.modules = std::max(largest.modules, number_or_zero(entry, "max_error"));
  }
  return largest;
}

std::string description_of(const HubModel& model, const bytes::Json& certificate, const PublishOptions& options,
                           const std::vector<hub::OutgoingFile>& files) {
  const Largest largest = largest_differences(certificate);
  const bytes::Json coverage = certificate.at("coverage");
  const bytes::Json tolerances = certificate.at("tolerances");
  const bytes::Json versions = certificate.at("versions");
  const auto version_of = [&](const char* name) {
    return versions.contains(name) ? versions.at(name).as_string() : std::string("?");
  };
  std::string text = "TensorFlow weights for `" + certificate.at("class").as_string() + "`, converted by Crossload " +
                     version_of("crossload") + " from the PyTorch weights of commit `" + model.commit + "`.\n\n";
  text += "The weights were read back from the files and run by TensorFlow " + version_of("tensorflow") +
          " beside PyTorch " + version_of("torch") + " (Transformers " + version_of("transformers") +
          "), module by module:\n\n";
  text += "| compared with PyTorch | largest difference | limit |\n|---|---|---|\n";
  const std::string limit = scientific(tolerances.at("max_error").as_number());
  const std::string hidden_limit = scientific(tolerances.at("max_hidden_error").as_number());
  text += "| outputs | " + scientific(largest.outputs) + " | " + limit + " |\n";
  text += "| hidden states | " + scientific(largest.hidden) + " | " + hidden_limit + " |\n";
  text += "| " + std::to_string(coverage.at("compared").as_integer()) + " of " +
          std::to_string(coverage.at("modules").as_integer()) + " modules | " + scientific(largest.modules) + " | " +
          hidden_limit + " |\n\n";
  if (const std::size_t rounding = certificate.at("rounding").size(); rounding > 0) {
    text += "Over the limit, by no more than float32's rounding explains: " + std::to_string(rounding) +
            (rounding == 1 ? " tensor" : " tensors") +
            ", listed in `crossload.json` with both frameworks' distances to a run in float64.\n\n";
  }
  text +=
      "Largest absolute differences at the positions that the attention mask keeps; `crossload.json` has the numbers "
      "of every module and of the other positions too.\n\n";
  if (std::max(tolerances.at("max_error").as_number(), tolerances.at("max_hidden_error").as_number()) >
      kDefaultTolerance) {
    text += "**CAUTION: the limits were set wider than the default of " + scientific(kDefaultTolerance) + ".**\n\n";
  }
  text += "To check it:\n\n```\n";
  text +=
      "crossload pt-to-tf --model-name " + model.id + "@refs/pr/N --no-pr    # N: the number of this pull request\n";
  text += "sha256sum -c <<END\n";
  for (const hub::OutgoingFile& file : files) {
    if (file.path != kCertificate) text += file.sha256() + "  " + file.path + "\n";
  }
  text += "END\n```\n";
  if (!options.extra_description.empty()) text += "\n" + options.extra_description + "\n";
  return text;
}

/// "Add TF weights", the title that v4's command gave, or "Update TF weights".
std::string title_of(const HubModel& model) { return model.has_tensorflow ? "Update TF weights" : "Add TF weights"; }

hub::Repository at_revision(const HubModel& model, const std::string& revision) { return {model.id, revision}; }

/// What the certificate was read from must be on main still as it was; other files may have changed.
void require_unchanged(const bytes::Json& certificate, const HubModel& model, const hub::ModelInfo& then,
                       const hub::ModelInfo& now, const PublishOptions& options) {
  for (const bytes::Json& entry : certificate.at("read").elements()) {
    const std::string name = entry.at("file").as_string();
    const hub::RemoteFile* const before = then.find(name);
    const hub::RemoteFile* const after = now.find(name);
    if (before != nullptr && (after == nullptr || after->hash != before->hash)) {
      throw Error(ErrorKind::kNetwork, model.id + ": " + name +
                                           " changed on main while it was converted; run the "
                                           "command again");
    }
  }
  const bool has_tensorflow = std::any_of(now.files.begin(), now.files.end(),
                                          [](const hub::RemoteFile& file) { return is_tensorflow_file(file.path); });
  if (has_tensorflow && !options.new_weights) {
    throw Error(ErrorKind::kUsage, model.id +
                                       ": somebody put TensorFlow weights on main meanwhile; give --new-weights to "
                                       "replace them");
  }
}

/// The model card with the tag, when it lacks that.
void add_card(hub::Http* http, const HubModel& model, const hub::ModelInfo& info, hub::Commit* commit,
              std::vector<std::string>* notes) {
  if (info.find(kCard) == nullptr) return;
  const std::string card =
      hub::read_remote_text(http, at_revision(model, commit->parent), commit->parent, kCard, kLargestCard);
  hub::EditedCard edited = hub::with_tag(card, "tf");
  if (edited.edit == hub::CardEdit::kEdited) {
    commit->files.push_back({kCard, {}, std::move(edited.text)});
  } else if (edited.edit == hub::CardEdit::kUnclear) {
    notes->push_back("README.md: the tag tf was not added, its header's tags are of a form that is not edited");
  }
}

/// Weights of another sharding, which would stay beside the new ones.
std::vector<std::string> stale_weights(const hub::ModelInfo& info, const std::vector<hub::OutgoingFile>& files) {
  std::vector<std::string> stale;
  for (const hub::RemoteFile& remote : info.files) {
    const bool is_new = std::any_of(files.begin(), files.end(),
                                    [&](const hub::OutgoingFile& file) { return file.path == remote.path; });
    if (is_tensorflow_file(remote.path) && !is_new) stale.push_back(remote.path);
  }
  return stale;
}

}  // namespace

PublishText publish_text(const HubModel& model, const PublishOptions& options) {
  const bytes::Json certificate = open_certificate(model, options.folder);
  const std::vector<hub::OutgoingFile> files = certified_files(certificate, options.folder);
  return {title_of(model), description_of(model, certificate, options, files)};
}

PublishResult publish_on_hub(const HubModel& model, const PublishOptions& options, const FileProgress& progress) {
  const bytes::Json certificate = open_certificate(model, options.folder);
  const std::vector<hub::OutgoingFile> files = certified_files(certificate, options.folder);
  const hub::Settings settings = hub::Settings::from_environment();
  hub::Http http(settings, hub::find_token(settings));
  const hub::ModelInfo read_from = hub::model_info(&http, at_revision(model, model.commit));

  hub::ModelInfo head = read_from;
  for (int conflicts = 0;; ++conflicts) {
    PublishResult result;
    hub::Commit commit;
    commit.repository = at_revision(model, "main");
    commit.author = model.account.empty() ? hub::whoami(&http).name : model.account;
    commit.title = title_of(model);
    commit.description = description_of(model, certificate, options, files);
    commit.parent = head.commit;
    commit.pull_request = !options.push;
    commit.files = files;
    commit.deletions = stale_weights(head, files);
    add_card(&http, model, head, &commit, &result.notes);
    try {
      const hub::Published published = hub::publish(&http, commit, progress);
      result.url = published.url;
      result.was_there = published.was_there;
      for (const hub::OutgoingFile& file : commit.files) result.files.push_back(file.path);
      return result;
    } catch (const hub::CommitConflict& conflict) {
      if (conflicts == kMostConflicts) {
        throw Error(ErrorKind::kNetwork, std::string(conflict.what()) + ", " + std::to_string(conflicts + 1) +
                                             " times; run the command again when it is quiet there");
      }
      head = hub::model_info(&http, at_revision(model, "main"));
      require_unchanged(certificate, model, read_from, head, options);
    }
  }
}

}  // namespace crossload

// The Hugging Face Hub: where a checkpoint comes from, and where its TensorFlow weights go as a pull request.
//
//   HubModel model = fetch_from_hub({.name = "foo/bar"});
//   convert({.model = model.folder, .output = "bar-tf", .name = model.label()});
//   publish_on_hub(model, {.folder = "bar-tf"});
//
// The environment variables of `huggingface_hub` apply: HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN, HF_TOKEN_PATH,
// HF_HUB_OFFLINE, HTTPS_PROXY. All functions throw Error; docs/hub.md has the list of faults and outcomes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace crossload {

/// How far the transfer of a file is, in bytes. Called from one thread at a time.
using FileProgress = std::function<void(const std::string& file, std::int64_t done, std::int64_t total)>;

enum class Publishing { kNone, kPullRequest, kPush };

/// True when the name is one of the Hub: "hf://...", or of the form "foo/bar" or "foo/bar@revision" while no file or
/// folder of that name is here. Throws Error(kUsage) for "hf://" with something that is no name.
bool is_hub_name(const std::string& name);

/// What a conversion reads for a name of this machine: the folder or golden itself; for a file of weights its folder,
/// when these are the weights that the folder stands for. Throws Error(kBadInput) when nothing is there.
std::filesystem::path local_model(const std::string& name);

/// Where pt-to-tf writes when it is not told: "./opt-1.3b" -> "opt-1.3b-tf" and "foo/bar@main" -> "bar-tf" in the
/// working folder; beside the model's folder when the working folder is that folder or in it ("." -> "../my-bert-tf").
std::filesystem::path default_output(const std::string& name);

struct FetchOptions {
  /// "foo/bar", "foo/bar@revision", "hf://foo/bar"
  std::string name;
  /// What will follow; checked first, so that a conversion is not done in vain.
  Publishing publishing = Publishing::kNone;
  /// Convert though the repository has TensorFlow weights.
  bool new_weights = false;
  /// Fetch the repository's Python files too.
  bool trust_remote_code = false;
};

/// A commit of a repository, with the files that a conversion needs on this machine.
struct HubModel {
  std::string id;        // "foo/bar"
  std::string revision;  // as asked for
  std::string commit;
  std::filesystem::path folder;  // in the cache; nothing may be written there
  /// The repository has TensorFlow weights. They were fetched too when they are to be compared: nothing is published,
  /// and no new ones were asked for.
  bool has_tensorflow = false;
  bool fetched_tensorflow = false;
  std::string account;             // of the token, when something will be published
  std::vector<std::string> notes;  // what the user should know: the Hub was not reached, ...

  /// "foo/bar@commit", what certificates call it
  std::string label() const { return id + "@" + commit; }
};

/// Fetches what the cache lacks: config.json, the weights, and the files of tokenizers and processors.
HubModel fetch_from_hub(const FetchOptions& options, const FileProgress& progress = {});

struct PublishOptions {
  /// What convert() wrote.
  std::filesystem::path folder;
  /// A commit on main instead of a pull request.
  bool push = false;
  /// Replaces weights that are there.
  bool new_weights = false;
  /// Added to the description.
  std::string extra_description = {};
};

struct PublishResult {
  std::string url;  // of the pull request or the commit
  /// A pull request with these weights was open already, or main has them.
  bool was_there = false;
  std::vector<std::string> files;
  std::vector<std::string> notes;
};

/// Publishes tf_model.h5 or its shards, crossload.json and the model card with the tag `tf`. Throws Error(kUsage) when
/// the certificate does not say that the weights of this commit agree, or when a file is not what the certificate says.
PublishResult publish_on_hub(const HubModel& model, const PublishOptions& options, const FileProgress& progress = {});

/// Title and description of the pull request that publish_on_hub would open, without asking the Hub.
struct PublishText {
  std::string title;
  std::string description;
};
PublishText publish_text(const HubModel& model, const PublishOptions& options);

struct HubAccount {
  std::string name;
  std::string role;  // of the token: "read", "write", "fineGrained"; empty when the Hub does not say
  std::vector<std::string> organizations;
  std::string endpoint;
};

/// Asks the Hub who the token belongs to, and keeps it in the file that `huggingface_hub` reads too, mode 0600.
HubAccount login_to_hub(const std::string& token);
/// False when there was no token's file.
bool logout_from_hub();
HubAccount whoami_on_hub();
/// True when HF_TOKEN holds a token, which comes before the file.
bool hub_token_is_in_environment();

}  // namespace crossload

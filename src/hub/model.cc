// Where a checkpoint comes from: a folder, a file, or the Hub.
#include <algorithm>
#include <functional>
#include <optional>

#include "bytes/text_file.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/companions.h"
#include "checkpoint/config.h"
#include "checkpoint/sentence_modules.h"
#include "checkpoint/weight_files.h"
#include "crossload/error.h"
#include "crossload/hub.h"
#include "hub/api.h"
#include "hub/cache.h"
#include "hub/download.h"

namespace crossload {
namespace {

namespace fs = std::filesystem;
using hub::Repository;

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

Repository repository_of(const std::string& name) {
  std::string why;
  const auto repository = hub::parse_repository(name, &why);
  if (!repository) throw Error(ErrorKind::kUsage, name + ": is no model of the Hub, " + why);
  return *repository;
}

/// True when the folder in the cache holds all that a conversion reads.
bool is_whole(const fs::path& folder) {
  const auto has = [&](const std::string& file) { return is_there(folder / file); };
  const auto read = [&](const std::string& file) { return folder / file; };
  try {
    return has("config.json") &&
           std::any_of(std::begin(checkpoint::kPyTorchWeights), std::end(checkpoint::kPyTorchWeights),
                       [&](const char* name) { return !checkpoint::files_of_weights(name, has, read).empty(); });
  } catch (const Error&) {
    return false;
  }
}

/// From the cache alone. Nothing when it does not hold the revision whole.
std::optional<HubModel> from_cache(const hub::Cache& cache, const Repository& repository) {
  const std::optional<std::string> commit = cache.commit_of(repository.revision);
  if (!commit || !is_whole(cache.snapshot(*commit))) return std::nullopt;
  HubModel model;
  model.id = repository.id;
  model.revision = repository.revision;
  model.commit = *commit;
  model.folder = cache.snapshot(*commit);
  model.has_tensorflow = is_there(model.folder / checkpoint::kH5Weights) ||
                         is_there(model.folder / checkpoint::index_of(checkpoint::kH5Weights));
  model.fetched_tensorflow = model.has_tensorflow;
  return model;
}

void require_publishable(const hub::Http& http, const Repository& repository, Publishing publishing) {
  if (publishing == Publishing::kNone) return;
  const std::string what = publishing == Publishing::kPush ? "--push" : "a pull request";
  if (http.settings().offline) {
    throw Error(ErrorKind::kUsage, repository.id + ": " + what +
                                       " needs the Hub, and HF_HUB_OFFLINE is set; give --no-pr to convert only");
  }
  if (repository.revision != "main") {
    throw Error(ErrorKind::kUsage, repository.id + "@" + repository.revision + ": " + what +
                                       " goes to main, and these weights are of another revision; give --no-pr to "
                                       "convert only");
  }
  if (!http.has_token()) {
    throw Error(ErrorKind::kUsage,
                repository.id + ": " + what + " needs a token; run crossload login, or give --no-pr to convert only");
  }
}

/// What to do about TensorFlow weights that the repository has; true when they are to be fetched and compared.
bool compares_tensorflow(const std::string& id, const FetchOptions& options) {
  if (options.new_weights) return false;
  if (options.publishing == Publishing::kNone) return true;
  throw Error(ErrorKind::kUsage,
              id + ": has TensorFlow weights already; give --new-weights to replace them, or --no-pr to "
                   "compare them with PyTorch");
}

/// What is published stands beside the repository's own config.json.
void require_config_of_v4(const HubModel& model) {
  const fs::path path = model.folder / "config.json";
  if (!checkpoint::Config::parse(bytes::read_text(path), path.string()).is_changed()) return;
  throw Error(ErrorKind::kUsage,
              model.id +
                  ": its config.json is of Transformers 5, and by it TensorFlow's T5 of Transformers 4 computes other "
                  "numbers (scale_decoder_outputs is false, and it would go by tie_word_embeddings), so that "
                  "tf_model.h5 cannot stand beside it; give --no-pr, and the config.json that is written beside it "
                  "says it as 4 reads it");
}

class Fetcher {
 public:
  Fetcher(hub::Http* http, const hub::Cache& cache, const Repository& repository, const FileProgress& progress)
      : http_(http), cache_(cache), repository_(repository), progress_(progress) {}

  HubModel fetch(const FetchOptions& options) {
    const hub::ModelInfo info = hub::model_info(http_, repository_);
    HubModel model;
    model.id = repository_.id;
    model.revision = repository_.revision;
    model.commit = info.commit;
    const auto has = [&](const std::string& file) { return info.find(file) != nullptr; };
    const auto read = [&](const std::string& file) { return download(info.commit, {file}) / file; };
    if (!has("config.json")) {
      throw Error(ErrorKind::kBadInput, repository_.id + ": has no config.json; is it a model of Transformers?");
    }
    model.has_tensorflow = has(checkpoint::kH5Weights) || has(checkpoint::index_of(checkpoint::kH5Weights));
    model.fetched_tensorflow = model.has_tensorflow && compares_tensorflow(repository_.id, options);

    std::vector<std::string> weights;
    for (const char* name : checkpoint::kPyTorchWeights) {
      if (weights.empty()) weights = checkpoint::files_of_weights(name, has, read);
    }
    if (weights.empty()) no_weights(info);
    if (model.fetched_tensorflow) {
      for (const std::string& file : checkpoint::files_of_weights(checkpoint::kH5Weights, has, read))
        weights.push_back(file);
    }
    std::vector<std::string> files = {"config.json"};
    files.insert(files.end(), weights.begin(), weights.end());
    for (const std::string_view name : checkpoint::companion_names()) {
      if (has(std::string(name))) files.emplace_back(name);
    }
    if (options.trust_remote_code) {
      for (const hub::RemoteFile& file : info.files) {
        if (file.path.ends_with(".py") && file.path.find('/') == std::string::npos) files.push_back(file.path);
      }
    }
    if (has(checkpoint::kSentenceModules)) {
      for (const std::string_view name : checkpoint::sentence_names()) {
        if (has(std::string(name))) files.emplace_back(name);
      }
      const fs::path modules = read(checkpoint::kSentenceModules).parent_path();
      for (const std::string& file : checkpoint::files_of_sentence_modules(modules)) {
        if (has(file)) files.push_back(file);
      }
    }
    model.folder = download(info.commit, files);
    cache_.remember(repository_.revision, info.commit);
    return model;
  }

 private:
  fs::path download(const std::string& commit, const std::vector<std::string>& files) {
    return hub::download(http_, cache_, repository_, commit, files, progress_);
  }

  [[noreturn]] void no_weights(const hub::ModelInfo& info) const {
    if (info.find("adapter_config.json") != nullptr) {
      throw Error(ErrorKind::kUnsupported,
                  repository_.id +
                      ": holds an adapter (LoRA), which is no whole model; in Python, merge it "
                      "into its base with peft's merge_and_unload() and save that");
    }
    throw Error(ErrorKind::kBadInput, repository_.id +
                                          ": has neither model.safetensors nor pytorch_model.bin, whole or in shards; "
                                          "there is nothing to convert");
  }

  hub::Http* http_;
  const hub::Cache& cache_;
  const Repository& repository_;
  const FileProgress& progress_;
};

}  // namespace

bool is_hub_name(const std::string& name) {
  if (hub::has_hub_scheme(name)) {
    repository_of(name);
    return true;
  }
  return !is_there(name) && hub::parse_repository(name).has_value();
}

fs::path local_model(const std::string& name) {
  const fs::path path(name);
  if (!is_there(path)) {
    std::string why = "no such folder";
    hub::parse_repository(name, &why);
    throw Error(ErrorKind::kBadInput, name + ": no such file or folder, and no model of the Hub: " + why);
  }
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return path;
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const auto has = [&](const std::string& file) { return is_there(folder / file); };
  const auto read = [&](const std::string& file) { return folder / file; };
  const std::string file = path.filename().string();
  const bool is_weights =
      std::any_of(std::begin(checkpoint::kPyTorchWeights), std::end(checkpoint::kPyTorchWeights),
                  [&](const char* weights) { return file == weights || file == checkpoint::index_of(weights); });
  if (!is_weights || !has("config.json")) return path;
  for (const char* weights : checkpoint::kPyTorchWeights) {
    const std::vector<std::string> files = checkpoint::files_of_weights(weights, has, read);
    if (files.empty()) continue;
    if (std::find(files.begin(), files.end(), file) != files.end()) return folder;
    throw Error(ErrorKind::kBadInput,
                name + ": its folder is read from " + files.front() + " instead; move that away, or give the folder");
  }
  return path;
}

fs::path default_output(const std::string& name) {
  if (is_hub_name(name)) return repository_of(name).id.substr(repository_of(name).id.find_last_of('/') + 1) + "-tf";
  const fs::path model = is_there(name) ? local_model(name) : fs::path(name);
  std::error_code ignored;
  const bool is_file = fs::is_regular_file(model, ignored);
  const fs::path whole = fs::weakly_canonical(fs::absolute(model, ignored), ignored);
  const fs::path folder = is_file ? whole.parent_path() : whole;
  // The name as it was given: of a link, not of what that leads to.
  fs::path given = model.lexically_normal();
  if (!given.has_filename()) given = given.parent_path();
  const bool has_name = given.has_filename() && given.filename() != "." && given.filename() != "..";
  fs::path base = has_name ? given.filename() : whole.filename();
  const bool is_named = base.extension() == ".safetensors" || base.extension() == ".bin" || base.extension() == ".pt2";
  if (is_file && is_named) base = base.stem();
  if (base.empty()) throw Error(ErrorKind::kUsage, name + ": has no name to call its output by; give --output");
  const std::string output = base.string() + "-tf";
  const fs::path from_model = fs::current_path().lexically_relative(folder);
  const bool inside = !is_file && !from_model.empty() && *from_model.begin() != "..";
  return inside ? folder.parent_path() / output : fs::path(output);
}

HubModel fetch_from_hub(const FetchOptions& options, const FileProgress& progress) {
  const Repository repository = repository_of(options.name);
  const hub::Settings settings = hub::Settings::from_environment();
  const hub::Cache cache(settings.cache, repository);
  hub::Http http(settings, hub::find_token(settings));
  require_publishable(http, repository, options.publishing);
  if (settings.offline) {
    std::optional<HubModel> model = from_cache(cache, repository);
    if (!model) {
      throw Error(ErrorKind::kNetwork, repository.id + "@" + repository.revision + ": is not whole in " +
                                           settings.cache.string() +
                                           ", and HF_HUB_OFFLINE forbids to fetch it; unset that once");
    }
    if (model->has_tensorflow) model->fetched_tensorflow = compares_tensorflow(repository.id, options);
    return *model;
  }
  std::string account;
  if (options.publishing != Publishing::kNone) account = hub::whoami(&http).name;
  try {
    HubModel model = Fetcher(&http, cache, repository, progress).fetch(options);
    model.account = account;
    if (options.publishing != Publishing::kNone) require_config_of_v4(model);
    return model;
  } catch (const hub::TransportError& error) {
    if (options.publishing != Publishing::kNone) throw;
    std::optional<HubModel> model = from_cache(cache, repository);
    if (!model) throw;
    if (model->has_tensorflow) model->fetched_tensorflow = compares_tensorflow(repository.id, options);
    model->notes.push_back(std::string(error.what()) + "; going on with commit " + model->commit + " of the cache");
    return *model;
  }
}

}  // namespace crossload

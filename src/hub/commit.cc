#include "hub/commit.h"

#include <algorithm>
#include <optional>
#include <set>

#include "hub/url.h"

namespace crossload::hub {
namespace {

constexpr std::size_t kSample = 512;  // bytes that the Hub looks at to tell text from data

[[noreturn]] void fail(const std::string& message) { throw Error(ErrorKind::kNetwork, message); }

bytes::Json ask(Http* http, const Commit& commit, const Request& request) {
  const Response response = http->send(request);
  if (response.status != 200) fail_with(*http, response, commit.repository, commit.repository.id);
  return json_of(*http, response);
}

std::string query(const Commit& commit) { return commit.pull_request ? "?create_pr=1" : ""; }

/// The paths that the Hub wants in its storage for large files.
std::set<std::string> large_paths(Http* http, const Commit& commit) {
  bytes::Json files = bytes::Json::array();
  for (const OutgoingFile& file : commit.files) {
    bytes::Json entry = bytes::Json::object();
    entry.set("path", file.path);
    entry.set("sample", base64(file.sample(kSample)));
    entry.set("size", file.size());
    files.push_back(entry);
  }
  bytes::Json question = bytes::Json::object();
  question.set("files", files);
  const bytes::Json answer = ask(http, commit,
                                 {.method = "POST",
                                  .url = api_url(*http, commit.repository) + "/preupload/main" + query(commit),
                                  .headers = {"Content-Type: application/json"},
                                  .body = question.dump(),
                                  .to_other_hosts = false});
  std::set<std::string> large;
  for (const bytes::Json& file : answer.at("files").elements()) {
    const std::string path = file.at("path").as_string();
    if (file.contains("shouldIgnore") && file.at("shouldIgnore").is_bool() && file.at("shouldIgnore").as_bool()) {
      fail(commit.repository.id + ": its .gitignore excludes " + http->cleaned(path) + "; publish it by hand");
    }
    if (file.at("uploadMode").as_string() == "lfs") large.insert(path);
  }
  return large;
}

std::string content_of(const OutgoingFile& file) {
  return file.file.empty() ? file.content : file.sample(static_cast<std::size_t>(file.size()));
}

/// The commit as lines of JSON: the header, then a line a file.
std::string lines_of(const Commit& commit, const std::set<std::string>& large) {
  bytes::Json header = bytes::Json::object();
  header.set("summary", commit.title);
  header.set("description", commit.description);
  header.set("parentCommit", commit.parent);
  bytes::Json line = bytes::Json::object();
  line.set("key", "header");
  line.set("value", header);
  std::string lines = line.dump() + "\n";
  for (const OutgoingFile& file : commit.files) {
    const bool is_large = large.contains(file.path);
    bytes::Json value = bytes::Json::object();
    value.set("path", file.path);
    if (is_large) {
      value.set("algo", "sha256");
      value.set("oid", file.sha256());
      value.set("size", file.size());
    } else {
      value.set("content", base64(content_of(file)));
      value.set("encoding", "base64");
    }
    bytes::Json entry = bytes::Json::object();
    entry.set("key", is_large ? "lfsFile" : "file");
    entry.set("value", value);
    lines += entry.dump() + "\n";
  }
  for (const std::string& path : commit.deletions) {
    bytes::Json value = bytes::Json::object();
    value.set("path", path);
    bytes::Json entry = bytes::Json::object();
    entry.set("key", "deletedFile");
    entry.set("value", value);
    lines += entry.dump() + "\n";
  }
  return lines;
}

/// True when the revision holds all of the large files with our contents.
bool holds_ours(Http* http, const Commit& commit, const std::set<std::string>& large, const std::string& revision) {
  Repository there = commit.repository;
  there.revision = revision;
  const ModelInfo info = model_info(http, there);
  return !large.empty() && std::all_of(commit.files.begin(), commit.files.end(), [&](const OutgoingFile& file) {
    if (!large.contains(file.path)) return true;
    const RemoteFile* const remote = info.find(file.path);
    return remote != nullptr && remote->hash == file.sha256();
  });
}

/// An open pull request of ours with these weights.
std::optional<Published> find_pull_request(Http* http, const Commit& commit, const std::set<std::string>& large) {
  const bytes::Json answer =
      ask(http, commit,
          {.url = api_url(*http, commit.repository) +
                  "/discussions?p=0&type=pull_request&status=open&author=" + percent_encoded(commit.author)});
  for (const bytes::Json& discussion : answer.at("discussions").elements()) {
    if (!discussion.at("isPullRequest").as_bool() || discussion.at("title").as_string() != commit.title ||
        discussion.at("status").as_string() != "open" ||
        discussion.at("author").at("name").as_string() != commit.author) {
      continue;
    }
    const std::string number = std::to_string(discussion.at("num").as_integer());
    if (!holds_ours(http, commit, large, "refs/pr/" + number)) continue;
    return Published{http->settings().endpoint + "/" + commit.repository.id + "/discussions/" + number, "", true};
  }
  return std::nullopt;
}

/// What an earlier try, or an earlier run, may have done already.
std::optional<Published> find_done(Http* http, const Commit& commit, const std::set<std::string>& large) {
  if (commit.pull_request) return find_pull_request(http, commit, large);
  if (!holds_ours(http, commit, large, "main")) return std::nullopt;
  return Published{http->settings().endpoint + "/" + commit.repository.id + "/tree/main", "", true};
}

}  // namespace

Published publish(Http* http, const Commit& commit, const TransferProgress& progress) {
  try {
    const std::set<std::string> large = large_paths(http, commit);
    if (const auto done = find_done(http, commit, large)) return *done;
    std::vector<OutgoingFile> uploads;
    std::copy_if(commit.files.begin(), commit.files.end(), std::back_inserter(uploads),
                 [&](const OutgoingFile& file) { return large.contains(file.path) && file.size() > 0; });
    upload_large(http, commit.repository, uploads, progress);

    std::optional<Published> done;
    const auto again = [&] {
      done = find_done(http, commit, large);
      return !done;
    };
    Response response;
    try {
      response = http->send({.method = "POST",
                             .url = api_url(*http, commit.repository) + "/commit/main" + query(commit),
                             .headers = {"Content-Type: application/x-ndjson"},
                             .body = lines_of(commit, large),
                             .to_other_hosts = false},
                            again);
      if (response.status >= 500 && !done) done = find_done(http, commit, large);
    } catch (const TransportError&) {
      if (!done) done = find_done(http, commit, large);
      if (!done) throw;
    }
    if (done) {
      done->was_there = false;  // it was this run's
      return *done;
    }
    constexpr int kConflict = 409;
    constexpr int kPreconditionFailed = 412;
    if (response.status == kConflict || response.status == kPreconditionFailed) {
      throw CommitConflict(commit.repository.id + ": main has got another commit since it was read");
    }
    if (response.status != 200) fail_with(*http, response, commit.repository, commit.repository.id);
    const bytes::Json answer = json_of(*http, response);
    Published published;
    published.commit = http->cleaned(answer.at("commitOid").as_string());
    published.url = http->cleaned(answer.at(commit.pull_request ? "pullRequestUrl" : "commitUrl").as_string());
    return published;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kBadInput) throw;
    fail(commit.repository.id + ": the Hub's answer is not understood: " + http->cleaned(error.what()));
  }
}

}  // namespace crossload::hub

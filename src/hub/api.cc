#include "hub/api.h"

#include <algorithm>

#include "hub/url.h"

namespace crossload::hub {
namespace {

[[noreturn]] void fail(const std::string& message) { throw Error(ErrorKind::kNetwork, message); }

/// What the server itself says about a refusal, after ": "; empty when it says nothing.
std::string own_words(const Http& http, const Response& response) {
  std::string words = response.header("x-error-message");
  if (words.empty() && response.body.starts_with('{')) {
    try {
      const bytes::Json body = bytes::Json::parse(response.body, "");
      for (const char* name : {"error", "message"}) {
        if (words.empty() && body.contains(name) && body.at(name).is_string()) words = body.at(name).as_string();
      }
    } catch (const Error&) {
      // no JSON: nothing to quote
    }
  }
  return words.empty() ? "" : ": \"" + http.cleaned(words) + "\"";
}

/// True when the Hub says that the token itself is no good, rather than that it opens no door here.
bool token_is_refused(const Response& response) {
  const std::string words = response.header("x-error-message") + response.body.substr(0, 300);
  return words.find("Invalid credentials") != std::string::npos ||
         words.find("Invalid user token") != std::string::npos || words.find("expired") != std::string::npos;
}

[[noreturn]] void fail_refused(const Http& http) {
  if (!token_is_in_environment() && token_is_renewable(http.settings())) {
    fail("the Hub refuses the token (the one in " + http.settings().token_file.string() +
         "), which hf auth login got by a browser and which expires; run hf auth whoami, which renews it, or crossload "
         "login with a token of https://huggingface.co/settings/tokens");
  }
  const std::string place =
      token_is_in_environment() ? "the one in HF_TOKEN" : "the one in " + http.settings().token_file.string();
  fail(
      "the Hub refuses the token (" + place +
      "), it may have expired or been revoked; get another at https://huggingface.co/settings/tokens and run crossload "
      "login");
}

std::int64_t integer_or(const bytes::Json& object, const std::string& name, std::int64_t otherwise) {
  return object.contains(name) && object.at(name).is_integer() ? object.at(name).as_integer() : otherwise;
}

std::string text_or_empty(const bytes::Json& object, const std::string& name) {
  return object.contains(name) && object.at(name).is_string() ? object.at(name).as_string() : "";
}

RemoteFile file_of(const bytes::Json& entry) {
  RemoteFile file;
  file.path = entry.at("rfilename").as_string();
  file.hash = text_or_empty(entry, "blobId");
  file.size = integer_or(entry, "size", -1);
  if (entry.contains("lfs") && entry.at("lfs").is_object()) {
    file.large = true;
    file.hash = text_or_empty(entry.at("lfs"), "sha256");
    file.size = integer_or(entry.at("lfs"), "size", file.size);
  }
  return file;
}

}  // namespace

const RemoteFile* ModelInfo::find(const std::string& path) const {
  const auto found =
      std::find_if(files.begin(), files.end(), [&](const RemoteFile& file) { return file.path == path; });
  return found == files.end() ? nullptr : &*found;
}

void fail_with(const Http& http, const Response& response, const Repository& repository, const std::string& subject) {
  const std::string code = response.header("x-error-code");
  const std::string page = http.settings().endpoint + "/" + repository.id;
  const std::string status = std::to_string(response.status);
  if ((response.status == 401 || response.status == 403) && http.has_token() && token_is_refused(response)) {
    fail_refused(http);
  }
  if (code == "GatedRepo") {
    fail(repository.id + ": is gated; ask for access at " + page +
         (http.has_token() ? " with the account of your token, and run the command again when it is granted"
                           : ", then run crossload login with a token of that account"));
  }
  if (code == "RevisionNotFound") {
    fail(repository.id + ": has no revision \"" + repository.revision + "\"; its branches and tags are at " + page +
         "/tree/main");
  }
  if (code == "EntryNotFound") fail(subject + ": there is no such file in " + page + "/tree/" + repository.revision);
  if (code == "RepoNotFound" || response.status == 401 || response.status == 404) {
    fail(subject + ": the Hub has no such repository, or it is private" +
         (http.has_token() ? " and your token does not open it; check the name, and the token with crossload whoami"
                           : "; check the name, and for a private one run crossload login"));
  }
  if (response.status == 403) {
    fail(subject + ": the Hub does not permit that" + own_words(http, response) +
         "; for publishing the token needs the role \"write\", see crossload whoami and "
         "https://huggingface.co/settings/tokens");
  }
  if (response.status == 429) {
    throw TransportError(subject + ": the Hub answers 429, too many requests; try again later, or log in");
  }
  const std::string answer = subject + ": " + shown(response.url) + " answers " + status + own_words(http, response);
  if (response.status >= 500) throw TransportError(answer + "; try again later");
  fail(answer);
}

bytes::Json json_of(const Http& http, const Response& response) {
  try {
    return bytes::Json::parse(response.body, shown(response.url));
  } catch (const Error& error) {
    fail(http.cleaned(error.what()) + "; is HF_ENDPOINT the address of a Hub, and no proxy's page in between?");
  }
}

std::string api_url(const Http& http, const Repository& repository) {
  return http.settings().endpoint + "/api/models/" + percent_encoded(repository.id, /*keep_slashes=*/true);
}

Account whoami(Http* http) {
  if (!http->has_token()) {
    throw Error(ErrorKind::kUsage,
                "nobody is logged in; get a token at https://huggingface.co/settings/tokens and run crossload login");
  }
  const Response response = http->send({.url = http->settings().endpoint + "/api/whoami-v2"});
  if (response.status == 401) fail_refused(*http);
  if (response.status != 200) {
    fail("whoami: " + shown(response.url) + " answers " + std::to_string(response.status) + own_words(*http, response));
  }
  const bytes::Json body = json_of(*http, response);
  Account account;
  account.name = http->cleaned(body.at("name").as_string());
  if (body.contains("orgs") && body.at("orgs").is_array()) {
    for (const bytes::Json& organization : body.at("orgs").elements()) {
      account.organizations.push_back(http->cleaned(text_or_empty(organization, "name")));
    }
  }
  if (body.contains("auth") && body.at("auth").contains("accessToken")) {
    account.role = http->cleaned(text_or_empty(body.at("auth").at("accessToken"), "role"));
  }
  return account;
}

ModelInfo model_info(Http* http, const Repository& repository) {
  const std::string url =
      api_url(*http, repository) + "/revision/" + percent_encoded(repository.revision) + "?blobs=True";
  const Response response = http->send({.url = url});
  if (response.status != 200) fail_with(*http, response, repository, repository.id);
  const bytes::Json body = json_of(*http, response);
  ModelInfo info;
  try {
    info.commit = body.at("sha").as_string();
    for (const bytes::Json& entry : body.at("siblings").elements()) info.files.push_back(file_of(entry));
  } catch (const Error& error) {
    fail(http->cleaned(error.what()) + "; is HF_ENDPOINT the address of a Hub?");
  }
  if (!is_commit(info.commit)) fail(repository.id + ": the Hub names a commit that is none");
  return info;
}

}  // namespace crossload::hub

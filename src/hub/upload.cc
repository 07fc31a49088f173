#include "hub/upload.h"

#include <openssl/evp.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "bytes/digest.h"
#include "bytes/json.h"
#include "hub/api.h"
#include "hub/url.h"

namespace crossload::hub {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLfsJson = "application/vnd.git-lfs+json";
constexpr const char* kDefaultEndpoint = "https://huggingface.co";
/// How often new addresses are asked for when the storage refuses the old ones.
constexpr int kMostBatches = 3;
constexpr std::int64_t kMostParts = 10000;  // S3's own limit

[[noreturn]] void fail(const std::string& message) { throw Error(ErrorKind::kNetwork, message); }

/// Where to send one file.
struct Target {
  std::string href;
  std::vector<std::string> headers;
  std::int64_t part_size = 0;                 // 0: one request
  std::map<std::int64_t, std::string> parts;  // by number, from 1
  std::string verify;                         // empty: no such step
};

/// A Hub behind another address may still name the public one.
std::string at_endpoint(const Http& http, std::string url) {
  const std::string& endpoint = http.settings().endpoint;
  if (endpoint != kDefaultEndpoint && url.starts_with(std::string(kDefaultEndpoint) + "/")) {
    url.replace(0, std::string(kDefaultEndpoint).size(), endpoint);
  }
  return url;
}

std::int64_t number_in(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : -1;
}

/// A header's value may come as a string or as a number.
std::string text_of(const bytes::Json& value) { return value.is_string() ? value.as_string() : value.dump(); }

Target target_of(const Http& http, const bytes::Json& actions) {
  Target target;
  const bytes::Json upload = actions.at("upload");
  target.href = at_endpoint(http, upload.at("href").as_string());
  if (upload.contains("header") && upload.at("header").is_object()) {
    for (const auto& [name, value] : upload.at("header").members()) {
      const std::int64_t part = number_in(name);
      if (name == "chunk_size") {
        target.part_size = number_in(text_of(value));
      } else if (part > 0) {
        target.parts[part] = at_endpoint(http, text_of(value));
      } else if (text_of(value).find_first_of("\r\n") == std::string::npos) {
        target.headers.push_back(name + ": " + text_of(value));
      }
    }
  }
  if (actions.contains("verify")) target.verify = at_endpoint(http, actions.at("verify").at("href").as_string());
  return target;
}

/// Asks where to send the file; nothing when the storage has it already.
std::optional<Target> ask(Http* http, const Repository& repository, const OutgoingFile& file) {
  bytes::Json object = bytes::Json::object();
  object.set("oid", file.sha256());
  object.set("size", file.size());
  bytes::Json objects = bytes::Json::array();
  objects.push_back(object);
  bytes::Json transfers = bytes::Json::array();
  transfers.push_back("basic");
  transfers.push_back("multipart");
  bytes::Json question = bytes::Json::object();
  question.set("operation", "upload");
  question.set("transfers", transfers);
  question.set("objects", objects);
  question.set("hash_algo", "sha256");
  const Response response =
      http->send({.method = "POST",
                  .url = http->settings().endpoint + "/" + percent_encoded(repository.id, /*keep_slashes=*/true) +
                         ".git/info/lfs/objects/batch",
                  .headers = {std::string("Accept: ") + kLfsJson, std::string("Content-Type: ") + kLfsJson},
                  .body = question.dump(),
                  .to_other_hosts = false});
  const std::string subject = repository.id + ": " + file.path;
  if (response.status != 200) fail_with(*http, response, repository, subject);
  try {
    const bytes::Json answer = json_of(*http, response).at("objects").at(std::size_t{0});
    if (answer.contains("error")) {
      fail(subject + ": the storage refuses it: \"" + http->cleaned(answer.at("error").at("message").as_string()) +
           "\"");
    }
    if (!answer.contains("actions") || !answer.at("actions").contains("upload")) return std::nullopt;
    return target_of(*http, answer.at("actions"));
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kNetwork) throw;
    fail(subject + ": the storage's answer is not understood: " + http->cleaned(error.what()));
  }
}

/// A slice of the file; of a text when it is one.
Request put(const OutgoingFile& file, const std::string& url, std::int64_t offset, std::int64_t length) {
  Request request;
  request.method = "PUT";
  request.url = url;
  if (file.file.empty()) {
    request.body = file.content.substr(static_cast<std::size_t>(offset), static_cast<std::size_t>(length));
  } else {
    request.file = file.file;
    request.offset = offset;
    request.length = length;
  }
  return request;
}

/// True when the address has expired.
bool is_refused(const Response& response) {
  return response.status == 400 || response.status == 401 || response.status == 403;
}

/// Thrown to ask for new addresses.
struct Refused {
  Response response;
};

void require_stored(const Http& http, const Response& response, const Repository& repository,
                    const std::string& subject) {
  if (is_refused(response)) throw Refused{response};
  if (response.status / 100 != 2) fail_with(http, response, repository, subject);
}

struct Job {
  Http& http;
  const Repository& repository;
  const TransferProgress& progress;
  std::mutex progress_mutex = {};

  void report(const std::string& file, std::int64_t done, std::int64_t total) {
    if (!progress) return;
    const std::lock_guard<std::mutex> lock(progress_mutex);
    progress(file, done, total);
  }
};

void send_whole(Job* job, const OutgoingFile& file, const Target& target) {
  Request request = put(file, target.href, 0, file.size());
  request.headers = target.headers;
  request.on_sent = [&](std::int64_t sent) { job->report(file.path, sent, file.size()); };
  require_stored(job->http, job->http.send(request), job->repository, job->repository.id + ": " + file.path);
}

void send_parts(Job* job, const OutgoingFile& file, const Target& target) {
  const std::string subject = job->repository.id + ": " + file.path;
  const std::int64_t size = file.size();
  const std::int64_t count = (size + target.part_size - 1) / target.part_size;
  if (count != static_cast<std::int64_t>(target.parts.size()) || count > kMostParts ||
      target.parts.rbegin()->first != count) {
    fail(subject + ": the storage gives " + std::to_string(target.parts.size()) + " addresses for " +
         std::to_string(count) + " parts");
  }
  std::vector<std::string> etags(static_cast<std::size_t>(count));
  std::atomic<std::int64_t> next = 1;
  std::atomic<std::int64_t> sent = 0;
  std::atomic<bool> failed = false;
  std::mutex failure_mutex;
  std::exception_ptr failure;
  const auto work = [&] {
    for (std::int64_t part = next++; part <= count && !failed; part = next++) {
      try {
        const std::int64_t offset = (part - 1) * target.part_size;
        const std::int64_t length = std::min(target.part_size, size - offset);
        const Response response = job->http.send(put(file, target.parts.at(part), offset, length));
        require_stored(job->http, response, job->repository, subject);
        const std::string etag = response.header("etag");
        if (etag.empty()) fail(subject + ": the storage does not acknowledge part " + std::to_string(part));
        etags[static_cast<std::size_t>(part - 1)] = etag;
        job->report(file.path, sent += length, size);
      } catch (...) {
        const std::lock_guard<std::mutex> lock(failure_mutex);
        if (!failure) failure = std::current_exception();
        failed = true;
      }
    }
  };
  {
    std::vector<std::jthread> workers;
    const std::int64_t threads = std::min<std::int64_t>(count, job->http.settings().parallel);
    for (std::int64_t i = 1; i < threads; ++i) workers.emplace_back(work);
    work();
  }
  if (failure) std::rethrow_exception(failure);
  bytes::Json parts = bytes::Json::array();
  for (std::size_t i = 0; i < etags.size(); ++i) {
    bytes::Json part = bytes::Json::object();
    part.set("partNumber", i + 1);
    part.set("etag", etags[i]);
    parts.push_back(part);
  }
  bytes::Json completion = bytes::Json::object();
  completion.set("oid", file.sha256());
  completion.set("parts", parts);
  const Response response =
      job->http.send({.method = "POST",
                      .url = target.href,
                      .headers = {std::string("Accept: ") + kLfsJson, std::string("Content-Type: ") + kLfsJson},
                      .body = completion.dump()});
  require_stored(job->http, response, job->repository, subject);
}

void verify(Job* job, const OutgoingFile& file, const std::string& url) {
  bytes::Json question = bytes::Json::object();
  question.set("oid", file.sha256());
  question.set("size", file.size());
  const Response response = job->http.send(
      {.method = "POST", .url = url, .headers = {"Content-Type: application/json"}, .body = question.dump()});
  if (response.status / 100 != 2) {
    fail_with(job->http, response, job->repository, job->repository.id + ": " + file.path + ": after its upload");
  }
}

void upload_one(Job* job, const OutgoingFile& file) {
  for (int batch = 1;; ++batch) {
    const std::optional<Target> target = ask(&job->http, job->repository, file);
    if (!target) {
      job->report(file.path, file.size(), file.size());
      return;
    }
    try {
      if (target->part_size > 0) {
        send_parts(job, file, *target);
      } else {
        send_whole(job, file, *target);
      }
      if (!target->verify.empty()) verify(job, file, target->verify);
      job->report(file.path, file.size(), file.size());
      return;
    } catch (const Refused& refused) {
      if (batch == kMostBatches) {
        fail_with(job->http, refused.response, job->repository, job->repository.id + ": " + file.path);
      }
    }
  }
}

}  // namespace

std::int64_t OutgoingFile::size() const {
  if (file.empty()) return static_cast<std::int64_t>(content.size());
  std::error_code error;
  const std::uintmax_t bytes = fs::file_size(file, error);
  if (error) throw Error(ErrorKind::kEnvironment, file.string() + ": cannot be read: " + error.message());
  return static_cast<std::int64_t>(bytes);
}

std::string OutgoingFile::sha256() const {
  if (!file.empty()) return bytes::sha256_of_file(file);
  bytes::Digest digest(bytes::Digest::Kind::kSha256);
  digest.update(content);
  return digest.hex();
}

std::string OutgoingFile::sample(std::size_t count) const {
  if (file.empty()) return content.substr(0, count);
  std::ifstream stream(file, std::ios::binary);
  std::string bytes(count, '\0');
  stream.read(bytes.data(), static_cast<std::streamsize>(count));
  bytes.resize(static_cast<std::size_t>(stream.gcount()));
  return bytes;
}

void upload_large(Http* http, const Repository& repository, const std::vector<OutgoingFile>& files,
                  const TransferProgress& progress) {
  Job job{*http, repository, progress};
  for (const OutgoingFile& file : files) upload_one(&job, file);
}

std::string base64(const std::string& bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

}  // namespace crossload::hub

#include "hub/download.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

#include "bytes/file_lock.h"
#include "hub/blob_writer.h"
#include "hub/retry.h"
#include "hub/url.h"

namespace crossload::hub {
namespace {

namespace fs = std::filesystem;

/// A server that sends a wrong content so often does not do it by accident.
constexpr int kMostWrongContents = 3;
/// A try that brought so many bytes was no failure: the count of tries begins anew.
constexpr std::int64_t kProgress = 1 << 20;

std::string file_url(const Http& http, const Repository& repository, const std::string& commit,
                     const std::string& file) {
  return http.settings().endpoint + "/" + percent_encoded(repository.id, /*keep_slashes=*/true) + "/resolve/" +
         percent_encoded(commit) + "/" + percent_encoded(file, /*keep_slashes=*/true);
}

/// -1 when the text is no number.
std::int64_t number_in(const std::string& text) {
  std::int64_t value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= 0 ? value : -1;
}

/// What the Hub says of a file before it sends it.
struct Metadata {
  std::string etag;
  std::int64_t size = -1;
};

/// What all downloads of one call share.
struct Job {
  Http& http;
  const Cache& cache;
  const Repository& repository;
  const std::string& commit;
  const TransferProgress& progress;
  std::mutex progress_mutex = {};
  std::atomic<bool> given_up = false;

  void report(const std::string& file, std::int64_t done, std::int64_t total) {
    if (!progress) return;
    const std::lock_guard<std::mutex> lock(progress_mutex);
    progress(file, done, total);
  }
  std::string subject(const std::string& file) const { return repository.id + ": " + file; }
};

[[noreturn]] void fail(const std::string& message) { throw Error(ErrorKind::kNetwork, message); }

Metadata ask(Job* job, const std::string& file) {
  const Response response = job->http.send({.method = "HEAD",
                                            .url = file_url(job->http, job->repository, job->commit, file),
                                            .headers = {"Accept-Encoding: identity"},
                                            .to_other_hosts = false});
  if (response.status >= 400) fail_with(job->http, response, job->repository, job->subject(file));
  const std::string linked = response.header("x-linked-etag");
  const std::string length = response.header("x-linked-size");
  Metadata metadata;
  metadata.etag = normalized_etag(linked.empty() ? response.header("etag") : linked);
  metadata.size = number_in(length.empty() ? response.header("content-length") : length);
  if (!is_etag(metadata.etag) || metadata.size < 0) {
    fail(job->subject(file) +
         ": the answer has no usable ETag and size; is HF_ENDPOINT the address of a Hub, and no proxy's page in "
         "between?");
  }
  return metadata;
}

/// Thrown by a transfer whose answer does not fit the request: as good as a cut.
[[noreturn]] void fail_transfer(const std::string& what) { throw TransportError(what); }

/// One request for what is missing of the file. Nothing when the transfer ended well, else the answer's status.
std::optional<Response> transfer(Job* job, const std::string& file, const Metadata& metadata, BlobWriter* writer) {
  Request request;
  request.url = file_url(job->http, job->repository, job->commit, file);
  request.headers = {"Accept-Encoding: identity"};
  if (writer->done() > 0) request.headers.push_back("Range: bytes=" + std::to_string(writer->done()) + "-");
  request.on_head = [&](const Response& head) {
    const std::string encoding = head.header("content-encoding");
    if (!encoding.empty() && encoding != "identity") fail_transfer(job->subject(file) + ": arrives compressed");
    if (head.status != 206) {
      writer->restart();  // the whole file, whatever was asked for
      return;
    }
    const std::string wanted = "bytes " + std::to_string(writer->done()) + "-";
    if (!head.header("content-range").starts_with(wanted)) {
      writer->restart();
      fail_transfer(job->subject(file) + ": another part of the file arrives than was asked for");
    }
  };
  request.on_data = [&](std::string_view bytes) {
    if (job->given_up) fail(job->subject(file) + ": ended, because another file failed");
    if (writer->done() + static_cast<std::int64_t>(bytes.size()) > metadata.size) {
      writer->restart();
      fail_transfer(job->subject(file) + ": more bytes arrive than the " + std::to_string(metadata.size) +
                    " that the Hub announced");
    }
    writer->append(bytes);
    job->report(file, writer->done(), metadata.size);
  };
  Response response = job->http.send_once(request);
  if (response.status / 100 == 2) return std::nullopt;
  constexpr int kRangeNotSatisfiable = 416;
  if (response.status == kRangeNotSatisfiable) writer->restart();
  return response;
}

/// True for an answer after which the same request may succeed. A storage host's refusal is one: its addresses are
/// signed and expire, and the next try gets a new one from the Hub.
bool may_pass(const Job& job, const Response& response) {
  constexpr int kRangeNotSatisfiable = 416;
  return is_passing(response.status) || response.status == kRangeNotSatisfiable ||
         ((response.status == 400 || response.status == 401 || response.status == 403) &&
          origin_of(response.url) != origin_of(job.http.settings().endpoint));
}

/// Until all bytes are there. `failures` counts tries in vain since the last progress.
void fetch_bytes(Job* job, const std::string& file, const Metadata& metadata, BlobWriter* writer) {
  for (int failures = 0; writer->done() < metadata.size;) {
    const std::int64_t before = writer->done();
    std::optional<Response> refused;
    std::string cause = job->subject(file) + ": fewer bytes arrive than the " + std::to_string(metadata.size) +
                        " that the Hub announced";
    try {
      refused = transfer(job, file, metadata, writer);
    } catch (const TransportError& error) {
      cause = error.what();
    }
    if (refused && !may_pass(*job, *refused)) fail_with(job->http, *refused, job->repository, job->subject(file));
    if (writer->done() >= metadata.size) return;
    failures = writer->done() - before >= kProgress ? 1 : failures + 1;
    if (failures >= job->http.settings().tries) {
      if (refused) fail_with(job->http, *refused, job->repository, job->subject(file));
      fail(job->subject(file) + ": tried " + std::to_string(failures) + " times, " + std::to_string(writer->done()) +
           " of " + std::to_string(metadata.size) + " bytes arrived; the last try: " + cause +
           "; run the command again, it goes on from there");
    }
    job->http.pause(failures, refused ? &*refused : nullptr, file_url(job->http, job->repository, job->commit, file));
  }
}

/// The blob is in the cache when this returns. Called under its lock.
void fetch_blob(Job* job, const std::string& file, const Metadata& metadata) {
  const fs::path blob = job->cache.blob(metadata.etag);
  const fs::path incomplete = job->cache.incomplete(metadata.etag);
  for (int wrong = 1;; ++wrong) {
    BlobWriter writer(incomplete, metadata.size);
    writer.require_room();
    job->report(file, writer.done(), metadata.size);
    fetch_bytes(job, file, metadata, &writer);
    const std::string hash = BlobWriter::hash_of(incomplete, metadata.etag);
    if (hash.empty() || hash == metadata.etag) {
      writer.finish(blob);
      return;
    }
    writer.restart();
    if (wrong == kMostWrongContents) {
      std::error_code ignored;
      fs::remove(incomplete, ignored);
      fail(job->subject(file) + ": arrived " + std::to_string(wrong) + " times with another content (its hash is " +
           hash + ", the Hub says " + metadata.etag + "); nothing of it was kept; is a proxy changing files?");
    }
  }
}

/// What a run of ours left of a file that another program has fetched since, without going on from there.
void clear_away(const Job& job, const std::string& etag) {
  std::error_code error;
  if (!is_etag(etag) || !fs::exists(job.cache.incomplete(etag), error)) return;
  const bytes::FileLock lock(job.cache.lock(etag));
  if (fs::is_regular_file(job.cache.blob(etag), error)) fs::remove(job.cache.incomplete(etag), error);
}

void fetch(Job* job, const std::string& file) {
  const fs::path pointer = job->cache.snapshot(job->commit) / file;
  std::error_code error;
  if (fs::is_regular_file(pointer, error)) {  // a commit never changes
    clear_away(*job, fs::read_symlink(pointer, error).filename());
    return;
  }
  const Metadata metadata = ask(job, file);
  fs::create_directories(job->cache.blob(metadata.etag).parent_path(), error);
  const bytes::FileLock lock(job->cache.lock(metadata.etag));
  // Another process may have brought it while we waited. A blob of another size is not what its name says.
  const fs::path blob = job->cache.blob(metadata.etag);
  const bool there =
      fs::is_regular_file(blob, error) && static_cast<std::int64_t>(fs::file_size(blob, error)) == metadata.size;
  if (there) {
    fs::remove(job->cache.incomplete(metadata.etag), error);
  } else {
    fetch_blob(job, file, metadata);
  }
  job->report(file, metadata.size, metadata.size);
  job->cache.link(metadata.etag, job->commit, file);
}

}  // namespace

fs::path download(Http* http, const Cache& cache, const Repository& repository, const std::string& commit,
                  const std::vector<std::string>& files, const TransferProgress& progress) {
  for (const std::string& file : files) {
    if (!is_safe_path(file)) {
      throw Error(ErrorKind::kBadInput, repository.id + ": names a file \"" + http->cleaned(file) +
                                            "\", which would leave its folder; it is not downloaded");
    }
  }
  Job job{*http, cache, repository, commit, progress};
  std::atomic<std::size_t> next = 0;
  std::mutex failure_mutex;
  std::exception_ptr failure;
  const auto work = [&] {
    for (std::size_t i = next++; i < files.size() && !job.given_up; i = next++) {
      try {
        fetch(&job, files[i]);
      } catch (...) {
        const std::lock_guard<std::mutex> lock(failure_mutex);
        if (!failure) failure = std::current_exception();
        job.given_up = true;
      }
    }
  };
  const std::size_t threads = std::min<std::size_t>(files.size(), static_cast<std::size_t>(http->settings().parallel));
  std::vector<std::jthread> workers;
  for (std::size_t i = 1; i < threads; ++i) workers.emplace_back(work);
  work();
  workers.clear();  // joins
  if (failure) std::rethrow_exception(failure);
  return cache.snapshot(commit);
}

std::string read_remote_text(Http* http, const Repository& repository, const std::string& commit,
                             const std::string& file, std::size_t limit) {
  const Response response = http->send({.url = file_url(*http, repository, commit, file)});
  if (response.status != 200) fail_with(*http, response, repository, repository.id + ": " + file);
  if (response.body.size() > limit) fail(repository.id + ": " + file + ": is too long to be edited");
  return response.body;
}

}  // namespace crossload::hub

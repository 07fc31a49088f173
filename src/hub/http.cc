#include "hub/http.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <mutex>
#include <random>
#include <thread>

#include "crossload/version.h"
#include "hub/retry.h"
#include "hub/url.h"

namespace crossload::hub {
namespace {

constexpr int kMostRedirects = 10;
constexpr std::size_t kLargestBody = 64U << 20U;  // JSON answers; files go to on_data
constexpr std::size_t kLargestHeaders = 256U << 10U;

double random_share() {
  thread_local std::mt19937 generator(std::random_device{}());
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

/// What a try with the same request cannot mend, or should not hide.
bool is_final(CURLcode code) {
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_NOT_BUILT_IN:
    case CURLE_OUT_OF_MEMORY:
      return true;
    default:
      return false;
  }
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

void start_curl() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

}  // namespace

std::string Response::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

/// Handles that keep their connections open between requests.
class Http::Pool {
 public:
  ~Pool() {
    for (CURL* handle : idle_) curl_easy_cleanup(handle);
  }
  CURL* take() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (idle_.empty()) return curl_easy_init();
    CURL* const handle = idle_.back();
    idle_.pop_back();
    return handle;
  }
  void give_back(CURL* handle) {
    curl_easy_reset(handle);
    const std::lock_guard<std::mutex> lock(mutex_);
    idle_.push_back(handle);
  }

 private:
  std::mutex mutex_;
  std::vector<CURL*> idle_;
};

/// One exchange with one address.
class Http::Transfer {
 public:
  Transfer(Pool* pool, const Request& request, const Settings& settings, const std::string& url)
      : pool_(pool), request_(request), handle_(pool->take()) {
    if (handle_ == nullptr) throw std::bad_alloc();
    response_.url = url;
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_ERRORBUFFER, error_);
    set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(settings.answer_timeout.count()));
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, &Transfer::on_progress);
    set(CURLOPT_XFERINFODATA, this);
    // What is posted may take a while to be dealt with before the answer begins.
    constexpr int kPatienceWithPosts = 6;
    const bool reads = request.method == "GET" || request.method == "HEAD";
    patience_ = settings.stall_timeout * (reads ? 1 : kPatienceWithPosts);
    if (request.method == "HEAD") set(CURLOPT_TIMEOUT, static_cast<long>(2 * settings.answer_timeout.count()));
    if (!settings.certificates.empty()) set(CURLOPT_CAINFO, settings.certificates.c_str());
    set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_WRITEFUNCTION, &Transfer::on_bytes);
    set(CURLOPT_WRITEDATA, this);
    prepare_body();
    add_header("User-Agent: crossload/" + std::string(version()));
    add_header("Expect:");
    for (const std::string& header : request.headers) add_header(header);
  }
  ~Transfer() {
    curl_slist_free_all(headers_);
    pool_->give_back(handle_);
    if (file_ >= 0) ::close(file_);
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  void add_header(const std::string& header) { headers_ = curl_slist_append(headers_, header.c_str()); }

  Response run() {
    set(CURLOPT_HTTPHEADER, headers_);
    const CURLcode code = curl_easy_perform(handle_);
    if (failure_) std::rethrow_exception(failure_);
    if (code != CURLE_OK) fail(code);
    long status = 0;
    curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
    response_.status = static_cast<int>(status);
    if (!began_) begin();
    if (failure_) std::rethrow_exception(failure_);
    return std::move(response_);
  }

 private:
  template <typename Value>
  void set(CURLoption option, Value value) {
    curl_easy_setopt(handle_, option, value);
  }

  void prepare_body() {
    if (request_.method == "HEAD") {
      set(CURLOPT_NOBODY, 1L);
    } else if (!request_.file.empty()) {
      file_ = ::open(request_.file.c_str(), O_RDONLY | O_CLOEXEC);
      if (file_ < 0) throw Error(ErrorKind::kEnvironment, request_.file.string() + ": cannot be read");
      set(CURLOPT_UPLOAD, 1L);
      set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
      set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request_.length));
      set(CURLOPT_READFUNCTION, &Transfer::on_read);
      set(CURLOPT_READDATA, this);
      set(CURLOPT_SEEKFUNCTION, &Transfer::on_seek);
      set(CURLOPT_SEEKDATA, this);
    } else if (request_.method != "GET") {
      set(CURLOPT_POST, 1L);
      // On a connection used before, libcurl would send a request again by itself when that is cut; a commit may have
      // been done by then.
      set(CURLOPT_FRESH_CONNECT, 1L);
      set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
      set(CURLOPT_POSTFIELDS, request_.body.c_str());
    }
  }

  [[noreturn]] void fail(CURLcode code) {
    std::string detail = error_[0] != '\0' ? error_ : curl_easy_strerror(code);
    if (code == CURLE_ABORTED_BY_CALLBACK) detail = "no byte came for " + std::to_string(patience_.count()) + " s";
    const std::string where = shown(response_.url);
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE) {
      throw Error(ErrorKind::kNetwork,
                  where + ": its certificate is not trusted (" + detail +
                      "); behind a company's proxy, name its certificates with REQUESTS_CA_BUNDLE");
    }
    if (is_final(code)) throw Error(ErrorKind::kNetwork, where + ": " + detail);
    throw TransportError(where + ": " + detail);
  }

  /// The status and headers of the answer are complete.
  void begin() {
    began_ = true;
    if (!request_.on_head || response_.status / 100 != 2) return;
    try {
      request_.on_head(response_);
    } catch (...) {
      failure_ = std::current_exception();
    }
  }

  static std::size_t on_header(char* data, std::size_t, std::size_t count, void* self) {
    auto* const transfer = static_cast<Transfer*>(self);
    std::string line(data, count);
    transfer->header_bytes_ += count;
    if (transfer->header_bytes_ > kLargestHeaders) return 0;
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
    if (line.starts_with("HTTP/")) {  // of a proxy, of "100 Continue", or of the answer: the last one counts
      transfer->response_.headers.clear();
    } else if (const std::size_t colon = line.find(':'); colon != std::string::npos) {
      std::string name = line.substr(0, colon);
      std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
      const std::size_t value = line.find_first_not_of(" \t", colon + 1);
      transfer->response_.headers[name] = value == std::string::npos ? "" : line.substr(value);
    }
    return count;
  }

  static std::size_t on_bytes(char* data, std::size_t, std::size_t count, void* self) {
    auto* const transfer = static_cast<Transfer*>(self);
    return transfer->take({data, count}) ? count : 0;
  }

  bool take(std::string_view bytes) {
    long status = 0;
    curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
    response_.status = static_cast<int>(status);
    if (!began_) begin();
    if (failure_) return false;
    try {
      if (request_.on_data && response_.status / 100 == 2) {
        request_.on_data(bytes);
        return true;
      }
    } catch (...) {
      failure_ = std::current_exception();
      return false;
    }
    if (response_.body.size() + bytes.size() > kLargestBody) return false;
    response_.body.append(bytes);
    return true;
  }

  /// Called about every second; ends a transfer that stands still. (libcurl's own limit looks at an average.)
  static int on_progress(void* self, curl_off_t, curl_off_t down, curl_off_t, curl_off_t up) {
    auto* const transfer = static_cast<Transfer*>(self);
    const auto now = std::chrono::steady_clock::now();
    if (down + up != transfer->moved_) {
      transfer->moved_ = down + up;
      transfer->last_move_ = now;
    }
    return now - transfer->last_move_ > transfer->patience_ ? 1 : 0;
  }

  static std::size_t on_read(char* buffer, std::size_t, std::size_t room, void* self) {
    auto* const transfer = static_cast<Transfer*>(self);
    const std::int64_t left = transfer->request_.length - transfer->sent_;
    if (left <= 0) return 0;
    const auto wanted = static_cast<std::size_t>(std::min<std::int64_t>(left, static_cast<std::int64_t>(room)));
    const ssize_t count =
        ::pread(transfer->file_, buffer, wanted, static_cast<off_t>(transfer->request_.offset + transfer->sent_));
    if (count <= 0) {  // the file became shorter, or cannot be read
      transfer->failure_ = std::make_exception_ptr(
          Error(ErrorKind::kEnvironment, transfer->request_.file.string() + ": changed while it was sent"));
      return CURL_READFUNC_ABORT;
    }
    transfer->sent_ += count;
    if (transfer->request_.on_sent) transfer->request_.on_sent(transfer->sent_);
    return static_cast<std::size_t>(count);
  }

  static int on_seek(void* self, curl_off_t offset, int) {
    static_cast<Transfer*>(self)->sent_ = offset;
    return CURL_SEEKFUNC_OK;
  }

  Pool* pool_;
  const Request& request_;
  CURL* handle_;
  curl_slist* headers_ = nullptr;
  int file_ = -1;
  std::int64_t sent_ = 0;
  curl_off_t moved_ = 0;
  std::chrono::steady_clock::time_point last_move_ = std::chrono::steady_clock::now();
  std::chrono::seconds patience_{};
  std::size_t header_bytes_ = 0;
  bool began_ = false;
  char error_[CURL_ERROR_SIZE] = {};
  Response response_;
  std::exception_ptr failure_;
};

Http::Http(const Settings& settings, std::optional<Token> token)
    : settings_(settings), token_(std::move(token)), origin_(origin_of(settings.endpoint)) {
  start_curl();
  pool_ = std::make_unique<Pool>();
}

Http::~Http() = default;

std::string Http::cleaned(const std::string& text) const {
  constexpr std::size_t kLongest = 300;
  std::string line = token_ ? token_->removed_from(text) : text;
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
  }
  if (line.size() > kLongest) line = line.substr(0, kLongest) + "...";
  return line;
}

Response Http::hop(const Request& request, const std::string& url, bool with_token) {
  Transfer transfer(pool_.get(), request, settings_, url);
  if (with_token) transfer.add_header("Authorization: Bearer " + token_->secret());
  return transfer.run();
}

Response Http::send_once(const Request& request) {
  if (settings_.offline) {
    throw Error(ErrorKind::kNetwork, shown(request.url) + ": is not asked, because HF_HUB_OFFLINE is set");
  }
  std::string url = request.url;
  for (int i = 0; i <= kMostRedirects; ++i) {
    Response response = hop(request, url, token_ && origin_of(url) == origin_);
    const std::string location = response.header("location");
    if (!is_redirect(response.status) || location.empty()) return response;
    const std::string next = resolved(url, location);
    if (url.starts_with("https:") && !next.starts_with("https:")) {
      throw Error(ErrorKind::kNetwork,
                  shown(url) + ": redirects to " + shown(next) + ", which is not encrypted; that is not followed");
    }
    if (!request.to_other_hosts && origin_of(next) != origin_of(url)) return response;
    url = next;
  }
  throw Error(ErrorKind::kNetwork,
              shown(request.url) + ": redirects more than " + std::to_string(kMostRedirects) + " times");
}

void Http::pause(int failures, const Response* response, const std::string& url) const {
  std::optional<std::chrono::seconds> asked;
  if (response != nullptr) asked = parse_retry_after(response->header("retry-after"), std::time(nullptr));
  if (asked && *asked > kLongestWait) {
    throw Error(ErrorKind::kNetwork, shown(url) + ": answers " + std::to_string(response->status) +
                                         " and asks to wait " + std::to_string(asked->count()) +
                                         " s; run the command again after that");
  }
  std::this_thread::sleep_for(pause_after(failures, settings_.first_pause, asked, random_share()));
}

Response Http::send(const Request& request, const std::function<bool()>& again) {
  for (int failures = 1;; ++failures) {
    try {
      Response response = send_once(request);
      if (!is_passing(response.status) || failures >= settings_.tries) return response;
      pause(failures, &response, request.url);
      if (again && !again()) return response;
    } catch (const TransportError& error) {
      if (failures >= settings_.tries) throw;
      pause(failures, nullptr, request.url);
      if (again && !again()) throw;
    }
  }
}

}  // namespace crossload::hub

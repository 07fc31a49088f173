// HTTP requests over libcurl: tries again, follows redirects, and gives the token to one origin only.
//
//   Http http(settings, find_token(settings));
//   const Response response = http.send({.url = settings.endpoint + "/api/whoami-v2"});
//   if (response.status != 200) ...
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crossload/error.h"
#include "hub/settings.h"
#include "hub/token.h"

namespace crossload::hub {

struct Response {
  int status = 0;
  /// Names in lower case.
  std::map<std::string, std::string> headers;
  std::string body;
  /// Where the last answer came from.
  std::string url;

  /// Empty when there is no such header.
  std::string header(const std::string& name) const;
};

struct Request {
  std::string method = "GET";
  std::string url;
  /// "Name: value"
  std::vector<std::string> headers = {};
  std::string body = {};
  /// The body is `length` bytes of this file from `offset`.
  std::filesystem::path file = {};
  std::int64_t offset = 0;
  std::int64_t length = 0;
  /// False: a redirect to another host is an answer, not followed.
  bool to_other_hosts = true;
  /// When set, the body of a 2xx answer goes here instead of into Response::body; first its status and headers. What
  /// they throw ends the request and comes out of it.
  std::function<void(const Response& head)> on_head = {};
  std::function<void(std::string_view bytes)> on_data = {};
  /// Bytes of the body sent so far.
  std::function<void(std::int64_t sent)> on_sent = {};
};

/// No answer, or half of one: what trying again may mend.
class TransportError : public Error {
 public:
  explicit TransportError(const std::string& message) : Error(ErrorKind::kNetwork, message) {}
};

/// May be used by several threads at once.
class Http {
 public:
  Http(const Settings& settings, std::optional<Token> token);
  ~Http();
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;

  /// Tries until an answer comes whose status does not pass by itself, or until the tries are used up: then returns the
  /// last answer, or throws TransportError. `again` is asked before another try (the request may have been done, and
  /// its answer lost); returning false ends the tries. Throws Error(kNetwork) for what no retry mends (TLS, too many
  /// redirects, HF_HUB_OFFLINE).
  Response send(const Request& request, const std::function<bool()>& again = {});

  /// One try, redirects included.
  Response send_once(const Request& request);

  /// Waits before try number `failures` + 1. Throws Error(kNetwork) when the server asked for more than kLongestWait.
  void pause(int failures, const Response* response, const std::string& url) const;

  const Settings& settings() const { return settings_; }
  bool has_token() const { return token_.has_value(); }
  /// Text from a server, fit for a message: one line, printable, short, without the token.
  std::string cleaned(const std::string& text) const;

 private:
  class Transfer;
  class Pool;

  Response hop(const Request& request, const std::string& url, bool with_token);

  Settings settings_;
  std::optional<Token> token_;
  std::string origin_;
  std::unique_ptr<Pool> pool_;
};

}  // namespace crossload::hub

#include "hub/url.h"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <memory>

#include "crossload/error.h"

namespace crossload::hub {
namespace {

using Handle = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

[[noreturn]] void fail(const std::string& url) {
  throw Error(ErrorKind::kNetwork, shown(url) + ": is no address of the web");
}

Handle parsed(const std::string& url) {
  Handle handle(curl_url(), curl_url_cleanup);
  if (handle == nullptr ||
      curl_url_set(handle.get(), CURLUPART_URL, url.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) {
    fail(url);
  }
  return handle;
}

std::string part(CURLU* handle, CURLUPart which, unsigned int flags = 0) {
  char* text = nullptr;
  if (curl_url_get(handle, which, &text, flags) != CURLUE_OK || text == nullptr) return "";
  std::string result(text);
  curl_free(text);
  return result;
}

}  // namespace

std::string percent_encoded(const std::string& text, bool keep_slashes) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = std::isalnum(byte) != 0 || c == '-' || c == '.' || c == '_' || c == '~';
    if ((plain && byte < 0x80U) || (c == '/' && keep_slashes)) {
      result += c;
    } else {
      result += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
  }
  return result;
}

std::string origin_of(const std::string& url) {
  const Handle handle = parsed(url);
  std::string origin = part(handle.get(), CURLUPART_SCHEME) + "://" + part(handle.get(), CURLUPART_HOST) + ":" +
                       part(handle.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  std::transform(origin.begin(), origin.end(), origin.begin(), [](unsigned char c) { return std::tolower(c); });
  return origin;
}

std::string resolved(const std::string& base, const std::string& location) {
  const Handle handle = parsed(base);
  if (curl_url_set(handle.get(), CURLUPART_URL, location.c_str(), CURLU_NON_SUPPORT_SCHEME | CURLU_URLENCODE) !=
      CURLUE_OK) {
    fail(location);
  }
  std::string url = part(handle.get(), CURLUPART_URL);
  if (url.empty()) fail(location);
  return url;
}

std::string shown(const std::string& url) {
  std::string result = url.substr(0, url.find_first_of("?#"));
  const std::size_t begin = result.find("://");
  if (begin == std::string::npos) return result;
  const std::size_t host = begin + 3;
  const std::size_t at = result.substr(0, result.find('/', host)).rfind('@');
  if (at != std::string::npos && at >= host) result.erase(host, at + 1 - host);
  return result;
}

}  // namespace crossload::hub

#include "hub/settings.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <initializer_list>
#include <string_view>

#include "crossload/error.h"

namespace crossload::hub {
namespace {

namespace fs = std::filesystem;

/// Empty when the variable is not set.
std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// The first of the variables that is set.
std::string first_of(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (const std::string value = variable(name); !value.empty()) return value;
  }
  return "";
}

bool is_true(std::string value) {
  std::transform(value.begin(), value.end(), value.begin(), [](unsigned char c) { return std::toupper(c); });
  return value == "1" || value == "ON" || value == "YES" || value == "TRUE";
}

int number(const char* name, int otherwise) {
  const std::string text = variable(name);
  if (text.empty()) return otherwise;
  constexpr int kMost = 86400;
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1 || value > kMost) {
    throw Error(ErrorKind::kUsage, std::string(name) + "=" + text + ": is no whole number from 1 to 86400");
  }
  return value;
}

std::string home() {
  const std::string folder = variable("HOME");
  return folder.empty() ? "/" : folder;
}

bool is_name_character(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

std::string read_endpoint() {
  std::string endpoint = variable("HF_ENDPOINT");
  if (endpoint.empty()) return Settings().endpoint;
  while (endpoint.ends_with('/')) endpoint.pop_back();
  const bool has_scheme = endpoint.starts_with("https://") || endpoint.starts_with("http://");
  if (!has_scheme || endpoint.find_first_of(" \t\r\n?#@") != std::string::npos) {
    throw Error(ErrorKind::kUsage,
                "HF_ENDPOINT: is no address like https://huggingface.co (without a user, a query or blanks)");
  }
  return endpoint;
}

}  // namespace

std::string expand_path(const std::string& text) {
  std::string result = text == "~" || text.starts_with("~/") ? home() + text.substr(1) : text;
  for (std::size_t at = result.find('$'); at != std::string::npos; at = result.find('$', at + 1)) {
    const bool braced = at + 1 < result.size() && result[at + 1] == '{';
    const std::size_t begin = at + (braced ? 2 : 1);
    std::size_t end = begin;
    while (end < result.size() && is_name_character(result[end])) ++end;
    if (end == begin || (braced && (end == result.size() || result[end] != '}'))) continue;
    const char* const value = std::getenv(result.substr(begin, end - begin).c_str());
    if (value == nullptr) continue;
    const std::string_view inserted = value;
    result.replace(at, (braced ? end + 1 : end) - at, inserted);
    at += inserted.size();
    if (at > 0) --at;
  }
  return result;
}

Settings Settings::from_environment() {
  Settings settings;
  settings.endpoint = read_endpoint();
  std::string hf_home = expand_path(variable("HF_HOME"));
  if (hf_home.empty()) {
    const std::string caches = variable("XDG_CACHE_HOME");
    hf_home = expand_path(caches.empty() ? home() + "/.cache" : caches) + "/huggingface";
  }
  const std::string cache = first_of({"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"});
  settings.cache = cache.empty() ? fs::path(hf_home) / "hub" : fs::path(expand_path(cache));
  const std::string token_file = variable("HF_TOKEN_PATH");
  settings.token_file = token_file.empty() ? fs::path(hf_home) / "token" : fs::path(expand_path(token_file));
  settings.offline = is_true(first_of({"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"}));
  settings.stall_timeout = std::chrono::seconds(number("HF_HUB_DOWNLOAD_TIMEOUT", 10));
  settings.answer_timeout = std::chrono::seconds(number("HF_HUB_ETAG_TIMEOUT", 10));
  settings.tries = number("CROSSLOAD_HUB_TRIES", settings.tries);
  settings.certificates = first_of({"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"});
  return settings;
}

}  // namespace crossload::hub

// Where the Hub is and where its files are kept on this machine: the environment variables of `huggingface_hub`.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

namespace crossload::hub {

struct Settings {
  std::string endpoint = "https://huggingface.co";  // HF_ENDPOINT, without a slash at the end
  std::filesystem::path cache;                      // HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME/hub
  std::filesystem::path token_file;                 // HF_TOKEN_PATH, HF_HOME/token
  /// HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE: no request is made.
  bool offline = false;
  /// No byte for so long ends a transfer (HF_HUB_DOWNLOAD_TIMEOUT), no answer a request (HF_HUB_ETAG_TIMEOUT).
  std::chrono::seconds stall_timeout{10};
  std::chrono::seconds answer_timeout{10};
  /// How often a request is made before giving up: CROSSLOAD_HUB_TRIES.
  int tries = 6;
  /// The first pause between tries; each following one is twice as long.
  std::chrono::milliseconds first_pause{500};
  /// Certificates to trust instead of the system's: SSL_CERT_FILE, REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE.
  std::filesystem::path certificates;
  /// Files that are transferred at the same time.
  int parallel = 4;

  /// HF_HOME is $XDG_CACHE_HOME/huggingface or ~/.cache/huggingface. "~" and "$NAME" in the variables are expanded as
  /// `huggingface_hub` does. Throws Error(kUsage) for an endpoint that is no http(s) address or a number that is none.
  static Settings from_environment();
};

/// "~/hub" and "$HOME/hub" with what they stand for; what is not set stays as it is.
std::string expand_path(const std::string& text);

}  // namespace crossload::hub

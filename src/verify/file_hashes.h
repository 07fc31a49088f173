// Content hashes of many files, beside other work.
#pragma once

#include <filesystem>
#include <future>
#include <map>
#include <string>
#include <vector>

namespace crossload::verify {

/// SHA-256 of files, each list by a thread of its own. For one thread that asks.
///
///     FileHashes hashes;
///     hashes.start(checkpoint.files());
///     ...
///     std::string sha256 = hashes.of(path);
class FileHashes {
 public:
  /// The files must not change from now on.
  void start(const std::vector<std::filesystem::path>& files);
  /// Waits for it, or hashes the file now when it was not started. Throws as sha256_of_file.
  std::string of(const std::filesystem::path& file);

 private:
  std::map<std::filesystem::path, std::shared_future<std::string>> hashes_;
  std::vector<std::future<void>> workers_;  // waited for by their destructors
};

}  // namespace crossload::verify

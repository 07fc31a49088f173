// A folder in the system's place for temporary files.
#pragma once

#include <filesystem>
#include <string>

namespace crossload::bytes {

class TemporaryFolder {
 public:
  /// "<temporary>/crossload-<what>-XXXXXX". Throws Error(kEnvironment).
  explicit TemporaryFolder(const std::string& what);
  /// Removes it with all that is in it.
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace crossload::bytes

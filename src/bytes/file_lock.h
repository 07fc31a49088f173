// A lock that other programs respect: flock on a file that stays, as Python's `filelock` does it.
#pragma once

#include <filesystem>

namespace crossload::bytes {

class FileLock {
 public:
  /// Waits until nobody else holds it, for ever: the lock of a process that died is free. Makes the file and its
  /// folders. Where the file system has no locks, goes on without. Throws Error(kEnvironment).
  explicit FileLock(const std::filesystem::path& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int fd_ = -1;
};

}  // namespace crossload::bytes

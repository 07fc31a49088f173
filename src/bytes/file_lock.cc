#include "bytes/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "crossload/error.h"

namespace crossload::bytes {
namespace {

constexpr int kFlags = O_CLOEXEC | O_NOFOLLOW;
/// Whatever the umask, as huggingface_hub 2 makes them: others of the group, who share the cache, lock them too.
constexpr mode_t kOfTheGroup = 0664;

/// -1 leaves errno.
int open_or_make(const char* path) {
  int fd = ::open(path, O_RDWR | O_CREAT | O_EXCL | kFlags, kOfTheGroup);
  if (fd >= 0) static_cast<void>(::fchmod(fd, kOfTheGroup));
  if (fd < 0 && errno == EEXIST) fd = ::open(path, O_RDWR | O_CREAT | kFlags, kOfTheGroup);
  // Another user's, made by a program that gives the group no right to write: flock needs none.
  if (fd < 0 && errno == EACCES) fd = ::open(path, O_RDONLY | kFlags);
  return fd;
}

}  // namespace

FileLock::FileLock(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  for (;;) {
    fd_ = open_or_make(path.c_str());
    if (fd_ < 0) {
      throw Error(ErrorKind::kEnvironment, path.string() + ": cannot be made: " + std::strerror(errno) +
                                               "; is the cache (HF_HUB_CACHE) writable?");
    }
    int locked = 0;
    do {
      locked = ::flock(fd_, LOCK_EX);
    } while (locked != 0 && errno == EINTR);
    // Whoever held it may have removed the file meanwhile; then another lock is the real one.
    struct stat ours;
    struct stat there;
    if (::fstat(fd_, &ours) == 0 && ::stat(path.c_str(), &there) == 0 && ours.st_ino == there.st_ino &&
        ours.st_dev == there.st_dev) {
      return;
    }
    ::close(fd_);
  }
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace crossload::bytes

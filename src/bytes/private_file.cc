#include "bytes/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "crossload/error.h"

namespace crossload::bytes {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostBytes = 1U << 20U;

[[noreturn]] void fail(const fs::path& path, const char* what, int error) {
  throw Error(ErrorKind::kEnvironment, path.string() + ": " + what + ": " + std::strerror(error));
}

/// The descriptor's file gets the bytes and is on the disk; false leaves errno.
bool write_all(int fd, const std::string& content, mode_t mode) {
  if (::fchmod(fd, mode) != 0) return false;
  for (std::size_t done = 0; done < content.size();) {
    const ssize_t count = ::write(fd, content.data() + done, content.size() - done);
    if (count < 0 && errno != EINTR) return false;
    if (count > 0) done += static_cast<std::size_t>(count);
  }
  return ::fsync(fd) == 0;
}

}  // namespace

void write_whole(const fs::path& path, const std::string& content, mode_t mode) {
  std::error_code error;
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), error);
  if (error) fail(path.parent_path(), "cannot be made", error.value());
  std::string fresh = path.string() + ".XXXXXX";
  const int fd = ::mkostemp(fresh.data(), O_CLOEXEC);  // mode 0600 from the start
  if (fd < 0) fail(path, "cannot be written", errno);
  const bool written = write_all(fd, content, mode);
  const int write_error = errno;
  ::close(fd);
  if (!written || ::rename(fresh.c_str(), path.c_str()) != 0) {
    const int cause = written ? errno : write_error;
    ::unlink(fresh.c_str());
    fail(path, "cannot be written", cause);
  }
}

std::optional<std::string> read_small(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    fail(path, "cannot be read", errno);
  }
  std::string content;
  char buffer[4096];
  for (;;) {
    const ssize_t count = ::read(fd, buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR) continue;
    const int cause = count < 0 ? errno : EFBIG;
    if (count < 0 || content.size() > kMostBytes) {
      ::close(fd);
      fail(path, "cannot be read", cause);
    }
    if (count == 0) break;
    content.append(buffer, static_cast<std::size_t>(count));
  }
  ::close(fd);
  return content;
}

}  // namespace crossload::bytes

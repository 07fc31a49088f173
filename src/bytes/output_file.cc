#include "bytes/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "crossload/error.h"

namespace crossload::bytes {
namespace {

/// One write(2) takes at most 2,147,479,552 bytes.
constexpr std::size_t kMaxWrite = std::size_t{1} << 30U;

[[noreturn]] void fail(const std::filesystem::path& path, int error) {
  throw Error(ErrorKind::kEnvironment, path.string() + ": cannot be written: " + write_failure(error));
}

}  // namespace

std::string write_failure(int error) {
  std::string reason = std::strerror(error);
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) reason += "; make room or write to another disk";
  return reason;
}

OutputFile::OutputFile(std::filesystem::path path)
    : path_(std::move(path)), fd_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
  if (fd_ < 0) fail(path_, errno);
}

OutputFile::~OutputFile() {
  if (fd_ >= 0) ::close(fd_);
}

void OutputFile::append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_, bytes.data(), std::min(bytes.size(), kMaxWrite));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(path_, errno);
    size_ += static_cast<std::uint64_t>(written);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void OutputFile::append(std::string_view text) { append(std::as_bytes(std::span(text.data(), text.size()))); }

void OutputFile::sync() {
  if (::fsync(fd_) != 0) fail(path_, errno);
}

void OutputFile::close() {
  const int fd = std::exchange(fd_, -1);
  if (::close(fd) != 0) fail(path_, errno);
}

void write_file(const std::filesystem::path& path, std::string_view bytes) {
  OutputFile file(path);
  file.append(bytes);
  file.sync();
  file.close();
}

}  // namespace crossload::bytes

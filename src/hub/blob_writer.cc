#include "hub/blob_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "bytes/digest.h"
#include "crossload/error.h"

namespace crossload::hub {
namespace {

constexpr double kMegabyte = 1e6;

std::string megabytes(std::int64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f MB", static_cast<double>(bytes) / kMegabyte);
  return text;
}

bool is_hexadecimal(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
}

}  // namespace

BlobWriter::BlobWriter(std::filesystem::path path, std::int64_t size) : path_(std::move(path)), size_(size) {
  fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0666);
  struct stat status;
  if (fd_ < 0 || ::fstat(fd_, &status) != 0) fail(errno);
  done_ = status.st_size;
  if (done_ > size_) restart();
}

BlobWriter::~BlobWriter() {
  if (fd_ >= 0) ::close(fd_);
}

void BlobWriter::fail(int error) const {
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
    throw Error(ErrorKind::kEnvironment,
                path_.string() + ": the disk is full (" + std::strerror(error) + "), " + megabytes(size_ - done_) +
                    " are missing; make room and run the command again, it goes on from here, or move the cache with "
                    "HF_HUB_CACHE");
  }
  throw Error(ErrorKind::kEnvironment, path_.string() + ": cannot be written: " + std::strerror(error));
}

void BlobWriter::require_room() const {
  struct statvfs status;
  if (::fstatvfs(fd_, &status) != 0) return;  // writing will tell
  const auto free_bytes = static_cast<double>(status.f_bavail) * static_cast<double>(status.f_frsize);
  if (free_bytes < static_cast<double>(size_ - done_)) fail(ENOSPC);
}

void BlobWriter::append(std::string_view bytes) {
  struct stat status;
  if (::fstat(fd_, &status) == 0 && status.st_size != done_) {
    throw Error(ErrorKind::kEnvironment,
                path_.string() +
                    ": another process writes to it too, so the file system does not keep locks; run the command again "
                    "when that process is done, or put the cache elsewhere with HF_HUB_CACHE");
  }
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(errno);
    done_ += count;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void BlobWriter::restart() {
  if (::ftruncate(fd_, 0) != 0) fail(errno);
  done_ = 0;
}

std::string BlobWriter::hash_of(const std::filesystem::path& path, const std::string& etag) {
  constexpr std::size_t kSha256Digits = 64;
  constexpr std::size_t kSha1Digits = 40;
  if (!is_hexadecimal(etag)) return "";
  if (etag.size() == kSha256Digits) return bytes::sha256_of_file(path);
  return etag.size() == kSha1Digits ? bytes::git_sha1_of_file(path) : "";
}

void BlobWriter::finish(const std::filesystem::path& blob) {
  if (::fdatasync(fd_) != 0 && errno != EINVAL && errno != ENOTSUP) fail(errno);
  if (::rename(path_.c_str(), blob.c_str()) != 0) fail(errno);
}

}  // namespace crossload::hub

#include "bytes/scratch_bytes.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>

#include "crossload/error.h"

namespace crossload::bytes {
namespace {

[[noreturn]] void fail(const std::string& folder, std::size_t size, int error) {
  throw Error(ErrorKind::kEnvironment, folder + ": no room for " + std::to_string(size) +
                                           " bytes that must be copied: " + std::strerror(error) +
                                           "; make room or set TMPDIR to another folder");
}

}  // namespace

std::shared_ptr<ScratchBytes> ScratchBytes::make(std::size_t size) {
  if (size <= kMaxPrivateScratch) {
    return std::shared_ptr<ScratchBytes>(new ScratchBytes(new std::byte[size](), size, /*mapped=*/false));
  }
  std::error_code ignored;
  const std::string folder = std::filesystem::temp_directory_path(ignored).string();
  std::string name = folder + "/crossload-XXXXXX";
  const int fd = ::mkostemp(name.data(), O_CLOEXEC);
  if (fd < 0) fail(folder, size, errno);
  ::unlink(name.c_str());
  // Space is taken now: a disk that is full later would end the process.
  const int error = ::posix_fallocate(fd, 0, static_cast<off_t>(size));
  void* data = error == 0 ? ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
  const int reason = error != 0 ? error : errno;
  ::close(fd);
  if (data == MAP_FAILED) fail(folder, size, reason);
  return std::shared_ptr<ScratchBytes>(new ScratchBytes(static_cast<std::byte*>(data), size, /*mapped=*/true));
}

ScratchBytes::~ScratchBytes() {
  if (mapped_) {
    ::munmap(data_, size_);
  } else {
    delete[] data_;
  }
}

}  // namespace crossload::bytes

#include "artifact/staging.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include "crossload/error.h"

namespace crossload::artifact {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, const std::string& why) {
  throw Error(ErrorKind::kEnvironment, path.string() + ": " + why);
}

[[noreturn]] void fail_errno(const fs::path& path, const std::string& what, int error) {
  fail(path, what + ": " + std::strerror(error));
}

/// Absolute, links resolved, so that what is renamed is the folder itself.
fs::path resolve(const fs::path& target) {
  std::error_code error;
  fs::path path = fs::weakly_canonical(fs::absolute(target, error), error);
  if (error) fail(target, "cannot be resolved: " + error.message());
  if (!path.has_filename()) path = path.parent_path();
  if (!path.has_filename()) fail(target, "cannot be written: give a folder below it");
  return path;
}

/// ".out.crossload-": what begins the names of everything that is beside the target for a while.
std::string prefix_of(const fs::path& target) {
  std::string prefix = ".";
  prefix += target.filename().string();
  prefix += ".crossload-";
  return prefix;
}

bool is_alive(pid_t process) { return ::kill(process, 0) == 0 || errno == EPERM; }

/// The process in ".out.crossload-4711-5d3f09a2"; 0 when the name is another.
pid_t process_of(const std::string& name, const std::string& prefix) {
  if (!name.starts_with(prefix)) return 0;
  pid_t process = 0;
  const char* const end = name.data() + name.size();
  const auto [at, error] = std::from_chars(name.data() + prefix.size(), end, process);
  return error == std::errc() && at != end && *at == '-' && process > 0 ? process : 0;
}

/// Called under the lock: a folder with our own number is of an earlier process that had it.
void remove_stale(const fs::path& target) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(target.parent_path(), error)) {
    const pid_t process = process_of(entry.path().filename().string(), prefix_of(target));
    if (process == 0 || (process != ::getpid() && is_alive(process))) continue;
    std::error_code ignored;  // somebody else's: it does no harm
    fs::remove_all(entry.path(), ignored);
  }
}

fs::path new_name(const fs::path& target) {
  std::random_device random;
  char suffix[48];
  std::snprintf(suffix, sizeof suffix, "%ld-%08x", static_cast<long>(::getpid()), random());
  return target.parent_path() / (prefix_of(target) + suffix);
}

void sync_one(const fs::path& path, int flags) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | flags);
  if (fd < 0) fail_errno(path, "cannot be opened", errno);
  const int result = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  // Some file systems cannot sync a folder.
  if (result != 0 && error != EINVAL && error != ENOTSUP) fail_errno(path, "cannot be written to the disk", error);
}

void sync_tree(const fs::path& folder) {
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    const fs::file_status status = entry.symlink_status();
    if (fs::is_directory(status)) sync_one(entry.path(), O_DIRECTORY);
    if (fs::is_regular_file(status)) sync_one(entry.path(), 0);
  }
  sync_one(folder, O_DIRECTORY);
}

[[noreturn]] void fail_rename(const fs::path& target, int error) {
  const std::string hint = error == EBUSY ? " (a mount point cannot be replaced: give a folder inside it)" : "";
  fail_errno(target, "cannot be replaced" + hint, error);
}

void rename_or_throw(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) fail_rename(to, errno);
}

}  // namespace

/// Held from the construction to the end; the file goes with it.
class Staging::Lock {
 public:
  Lock(fs::path path, const fs::path& target) : path_(std::move(path)) {
    for (;;) {
      fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
      if (fd_ < 0) fail_errno(target, "cannot be written: " + path_.string() + " cannot be made", errno);
      if (::flock(fd_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        ::close(fd_);
        fail(target, "another conversion is writing it; wait for its end or give another folder");
      }
      // (Where the file system has no locks, go on without.) The one before us may have removed the file meanwhile.
      struct stat ours;
      struct stat there;
      if (::fstat(fd_, &ours) == 0 && ::stat(path_.c_str(), &there) == 0 && ours.st_ino == there.st_ino &&
          ours.st_dev == there.st_dev) {
        return;
      }
      ::close(fd_);
    }
  }
  ~Lock() {
    ::unlink(path_.c_str());
    ::close(fd_);
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  fs::path path_;
  int fd_ = -1;
};

Staging::Staging(const fs::path& target) : target_(resolve(target)) {
  std::error_code error;
  fs::create_directories(target_.parent_path(), error);
  if (error) fail(target_.parent_path(), "cannot be made: " + error.message());
  if (fs::exists(target_, error) && !fs::is_directory(target_, error)) fail(target_, "is a file; a folder is expected");
  lock_ = std::make_unique<Lock>(target_.parent_path() / (prefix_of(target_) + "lock"), target_);
  remove_stale(target_);
  const fs::path path = new_name(target_);
  if (::mkdir(path.c_str(), 0777) != 0) fail_errno(path, "cannot be made", errno);
  path_ = path;
}

Staging::~Staging() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

void Staging::sync() const {
  try {
    sync_tree(path_);
  } catch (const fs::filesystem_error& error) {
    fail(error.path1(), "cannot be read: " + error.code().message());
  }
}

void Staging::keep(const std::function<bool(const fs::path&)>& accept) const {
  try {
    if (!fs::exists(target_)) return;
    std::vector<std::pair<fs::path, fs::perms>> folders;  // closed to us perhaps: last
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(target_)) {
      const fs::path relative = entry.path().lexically_relative(target_);
      const fs::path kept = path_ / relative;
      if (entry.is_directory() && !entry.is_symlink()) {
        if (!accept(relative)) continue;
        fs::create_directories(kept);
        folders.emplace_back(kept, entry.status().permissions());
        continue;
      }
      if (fs::exists(fs::symlink_status(kept)) || !accept(relative)) continue;
      fs::create_directories(kept.parent_path());
      std::error_code no_link;
      if (entry.is_symlink()) {
        fs::copy_symlink(entry.path(), kept);
      } else if (fs::create_hard_link(entry.path(), kept, no_link); no_link) {
        fs::copy_file(entry.path(), kept);
      }
    }
    for (const auto& [folder, permissions] : folders) fs::permissions(folder, permissions);
  } catch (const fs::filesystem_error& error) {
    fail(error.path1(), "cannot be kept: " + error.code().message());
  }
}

void replace_by_renames(const fs::path& fresh, const fs::path& target, const fs::path& aside) {
  rename_or_throw(target, aside);
  if (::rename(fresh.c_str(), target.c_str()) != 0) {
    const int error = errno;
    rename_or_throw(aside, target);
    fail_rename(target, error);
  }
  std::error_code ignored;
  fs::remove_all(aside, ignored);
}

void Staging::commit() {
  sync();
  struct stat old;
  if (::stat(target_.c_str(), &old) == 0) {
    std::ignore = ::chown(path_.c_str(), old.st_uid, old.st_gid);  // as far as we may
    if (::chmod(path_.c_str(), old.st_mode & 07777U) != 0) fail_errno(path_, "cannot be given its permissions", errno);
  }
  if (!fs::exists(target_)) {
    rename_or_throw(path_, target_);
  } else if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE) == 0) {
    std::error_code ignored;  // the old folder; what cannot be removed now is removed by the next conversion
    fs::remove_all(path_, ignored);
  } else if (errno == EINVAL || errno == ENOSYS || errno == ENOTSUP) {
    replace_by_renames(path_, target_, new_name(target_));
  } else {
    fail_rename(target_, errno);
  }
  path_.clear();
  sync_one(target_.parent_path(), O_DIRECTORY);
}

}  // namespace crossload::artifact

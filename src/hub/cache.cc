#include "hub/cache.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>

#include "bytes/private_file.h"
#include "crossload/error.h"

namespace crossload::hub {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kShared = 0644;

}  // namespace

Cache::Cache(fs::path root, const Repository& repository)
    : root_(std::move(root)), folder_(root_ / repository.folder_name()) {}

fs::path Cache::lock(const std::string& etag) const { return root_ / ".locks" / folder_.filename() / (etag + ".lock"); }

std::optional<std::string> Cache::commit_of(const std::string& revision) const {
  if (is_commit(revision)) return revision;
  std::optional<std::string> commit = bytes::read_small(folder_ / "refs" / revision);
  if (!commit || !is_commit(*commit)) return std::nullopt;
  return commit;
}

void Cache::remember(const std::string& revision, const std::string& commit) const {
  if (revision == commit || commit_of(revision) == commit) return;
  bytes::write_whole(folder_ / "refs" / revision, commit, kShared);
}

void Cache::link(const std::string& etag, const std::string& commit, const std::string& path) const {
  const fs::path pointer = snapshot(commit) / path;
  const fs::path target = blob(etag).lexically_relative(pointer.parent_path());
  const fs::path fresh = pointer.string() + "." + std::to_string(::getpid()) + ".link";
  std::error_code error;
  fs::create_directories(pointer.parent_path(), error);
  fs::remove(fresh, error);
  fs::create_symlink(target, fresh, error);
  if (error) {
    error.clear();
    fs::copy_file(blob(etag), fresh, error);
  }
  if (!error) fs::rename(fresh, pointer, error);
  if (error) {
    std::error_code ignored;
    fs::remove(fresh, ignored);
    throw Error(ErrorKind::kEnvironment, pointer.string() + ": cannot be made: " + error.message());
  }
}

bool is_etag(const std::string& etag) {
  constexpr std::size_t kLongest = 128;
  return !etag.empty() && etag.size() <= kLongest && etag.front() != '.' &&
         std::all_of(etag.begin(), etag.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.'; });
}

std::string normalized_etag(std::string header) {
  if (header.starts_with("W/")) header.erase(0, 2);
  while (header.starts_with('"')) header.erase(0, 1);
  while (header.ends_with('"')) header.pop_back();
  return header;
}

}  // namespace crossload::hub

// The cache of Hub files on this machine, shared with `huggingface_hub` in both directions.
//
//   HF_HUB_CACHE/
//     models--foo--bar/
//       refs/main                                 the commit that "main" was last seen at: 40 digits
//       blobs/<etag>                              contents, by git's SHA-1 or (LFS, Xet) SHA-256
//       blobs/<etag>.incomplete                   what has arrived of one; a later run goes on from there
//       snapshots/<commit>/<path> -> ../../blobs/<etag>
//     .locks/models--foo--bar/<etag>.lock         held (flock) while a blob is fetched
//
// A file in blobs is complete and is never changed: it gets its name by a rename, after its size and hash were checked.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "hub/repository.h"

namespace crossload::hub {

class Cache {
 public:
  Cache(std::filesystem::path root, const Repository& repository);

  std::filesystem::path blob(const std::string& etag) const { return folder_ / "blobs" / etag; }
  std::filesystem::path incomplete(const std::string& etag) const { return folder_ / "blobs" / (etag + ".incomplete"); }
  std::filesystem::path lock(const std::string& etag) const;
  std::filesystem::path snapshot(const std::string& commit) const { return folder_ / "snapshots" / commit; }

  /// The commit that the revision was last seen at; a commit itself needs no reference. Nothing when none is known.
  std::optional<std::string> commit_of(const std::string& revision) const;
  /// Remembers it, if it is new. Throws Error(kEnvironment).
  void remember(const std::string& revision, const std::string& commit) const;

  /// Makes the blob appear in the snapshot, by a relative link (a copy where the file system has none), replacing what
  /// was there. Throws Error(kEnvironment).
  void link(const std::string& etag, const std::string& commit, const std::string& path) const;

 private:
  std::filesystem::path root_;
  std::filesystem::path folder_;
};

/// True when the etag can name a blob: 1 to 128 letters, digits, '-', '_' or '.', not beginning with '.'.
bool is_etag(const std::string& etag);

/// An ETag header's value without quotes and "W/".
std::string normalized_etag(std::string header);

}  // namespace crossload::hub

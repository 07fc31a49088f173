// Fetching files of a repository into the cache, several at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "hub/api.h"
#include "hub/cache.h"
#include "hub/http.h"

namespace crossload::hub {

/// How far the transfer of a file is. `total` is -1 while it is not known. Called from one thread at a time.
using TransferProgress = std::function<void(const std::string& file, std::int64_t done, std::int64_t total)>;

/// Fetches the files of one commit that are not in the cache yet, and returns the snapshot's folder. A file is asked
/// for its etag first; when the cache has that blob, of whatever commit, nothing is transferred. A transfer that is cut
/// goes on where it ended, in this run or a later one. What arrived is checked by its size and by the hash that names
/// it before it becomes visible. Throws Error(kNetwork), or Error(kEnvironment) when the disk is full.
std::filesystem::path download(Http* http, const Cache& cache, const Repository& repository, const std::string& commit,
                               const std::vector<std::string>& files, const TransferProgress& progress = {});

/// The file's bytes without the cache, at most `limit`; for small texts that are about to be edited.
std::string read_remote_text(Http* http, const Repository& repository, const std::string& commit,
                             const std::string& file, std::size_t limit);

}  // namespace crossload::hub

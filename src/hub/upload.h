// Large files go to the Hub's storage before the commit that names them: the batch protocol of Git LFS, with the Hub's
// transfer "multipart" for what is larger than one request may be.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "hub/download.h"
#include "hub/http.h"
#include "hub/repository.h"

namespace crossload::hub {

/// A file to be committed: one of the disk, or (when `file` is empty) a text.
struct OutgoingFile {
  std::string path;  // in the repository
  std::filesystem::path file = {};
  std::string content = {};

  std::int64_t size() const;
  std::string sha256() const;
  /// At most `count` bytes from the beginning.
  std::string sample(std::size_t count) const;
};

/// Sends the contents that the storage does not have yet. Each is tried again; an address that expired is asked for
/// anew. Throws Error(kNetwork).
void upload_large(Http* http, const Repository& repository, const std::vector<OutgoingFile>& files,
                  const TransferProgress& progress);

/// "aGVsbG8="
std::string base64(const std::string& bytes);

}  // namespace crossload::hub

// The Hub's JSON interface: who the token belongs to, and what a repository holds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bytes/json.h"
#include "hub/http.h"
#include "hub/repository.h"

namespace crossload::hub {

struct Account {
  std::string name;
  /// "read", "write" or "fineGrained"; empty when the Hub does not say.
  std::string role;
  std::vector<std::string> organizations;
};

struct RemoteFile {
  std::string path;
  /// What the cache calls the file: SHA-256 of its bytes when it is kept in LFS or Xet, else git's SHA-1.
  std::string hash;
  std::int64_t size = -1;
  bool large = false;  // LFS or Xet
};

struct ModelInfo {
  std::string commit;
  std::vector<RemoteFile> files;

  /// Null when there is no such file.
  const RemoteFile* find(const std::string& path) const;
};

/// Asks /api/whoami-v2. Throws Error(kNetwork) when the token is refused, Error(kUsage) when there is none.
Account whoami(Http* http);

/// Asks /api/models/ID/revision/REVISION. Throws Error(kNetwork) that says whether the repository, the revision or the
/// permission is missing, and what to do.
ModelInfo model_info(Http* http, const Repository& repository);

/// Throws the Error that an answer with a status of 400 or more stands for. `subject` begins it: "foo/bar" or
/// "foo/bar: tf_model.h5".
[[noreturn]] void fail_with(const Http& http, const Response& response, const Repository& repository,
                            const std::string& subject);

/// The answer as JSON. Throws Error(kNetwork) when it is none.
bytes::Json json_of(const Http& http, const Response& response);

/// "https://huggingface.co/api/models/foo/bar"
std::string api_url(const Http& http, const Repository& repository);

}  // namespace crossload::hub

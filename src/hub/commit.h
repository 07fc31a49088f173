// A commit on the Hub, on main or as a pull request.
#pragma once

#include <string>
#include <vector>

#include "hub/api.h"
#include "hub/upload.h"

namespace crossload::hub {

struct Commit {
  Repository repository;
  std::string author;  // of the token, as whoami() says
  std::string title;
  std::string description;
  /// The commit that main must still be at.
  std::string parent;
  bool pull_request = true;
  std::vector<OutgoingFile> files;
  std::vector<std::string> deletions = {};  // paths in the repository
};

struct Published {
  std::string url;     // of the pull request, or of the commit
  std::string commit;  // empty when the pull request was there already
  /// Nothing was committed: a pull request of the same author and title has the same weights, or main has all files.
  bool was_there = false;
};

/// Main is not at `parent` any more.
class CommitConflict : public Error {
 public:
  explicit CommitConflict(const std::string& message) : Error(ErrorKind::kNetwork, message) {}
};

/// Uploads what the storage lacks and commits. A commit whose answer was lost is looked for before it is tried again,
/// so that no second pull request is opened. Throws CommitConflict, Error(kNetwork).
Published publish(Http* http, const Commit& commit, const TransferProgress& progress = {});

}  // namespace crossload::hub

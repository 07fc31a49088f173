#include "bytes/temporary_folder.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "crossload/error.h"

namespace crossload::bytes {

TemporaryFolder::TemporaryFolder(const std::string& what) {
  std::string name = (std::filesystem::temp_directory_path() / ("crossload-" + what + "-XXXXXX")).string();
  if (::mkdtemp(name.data()) == nullptr) {
    throw Error(ErrorKind::kEnvironment, name + ": cannot be made: " + std::strerror(errno) +
                                             "; name a folder that can be written to by TMPDIR");
  }
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace crossload::bytes

#include "bytes/text_file.h"

#include "bytes/mapped_file.h"
#include "crossload/error.h"

namespace crossload::bytes {

std::string read_text(const std::filesystem::path& path, std::size_t limit) {
  const auto file = MappedFile::open(path);
  if (file->bytes().size() > limit) {
    throw Error(ErrorKind::kBadInput, path.string() + ": has " + std::to_string(file->bytes().size()) +
                                          " bytes; a text file of at most " + std::to_string(limit) + " is expected");
  }
  return {reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()};
}

}  // namespace crossload::bytes

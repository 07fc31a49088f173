#include "verify/sha256.h"

#include <openssl/evp.h>

#include <array>
#include <memory>

#include "crossload/error.h"
#include "tensor/mapped_file.h"

namespace crossload::verify {

std::string sha256_of_file(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(file->bytes().data(), file->bytes().size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) {
    throw Error(ErrorKind::kEnvironment, path.string() + ": its SHA-256 cannot be computed");
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (unsigned int i = 0; i < size; ++i) {
    text += kDigits[digest[i] >> 4U];
    text += kDigits[digest[i] & 15U];
  }
  return text;
}

}  // namespace crossload::verify

#include "bytes/digest.h"

#include <openssl/evp.h>

#include <array>

#include "bytes/mapped_file.h"
#include "crossload/error.h"

namespace crossload::bytes {
namespace {

void require(bool done) {
  if (!done) throw Error(ErrorKind::kEnvironment, "libcrypto cannot compute SHA-1 or SHA-256 (a restricted build?)");
}

}  // namespace

struct Digest::State {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), EVP_MD_CTX_free};
};

Digest::Digest(Kind kind) : state_(std::make_unique<State>()) {
  const EVP_MD* const algorithm = kind == Kind::kSha1 ? EVP_sha1() : EVP_sha256();
  require(state_->context != nullptr && EVP_DigestInit_ex(state_->context.get(), algorithm, nullptr) == 1);
}

Digest::~Digest() = default;

void Digest::update(std::span<const std::byte> bytes) {
  require(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) == 1);
}

std::string Digest::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  require(EVP_DigestFinal_ex(state_->context.get(), digest.data(), &size) == 1);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (unsigned int i = 0; i < size; ++i) {
    text += kDigits[digest[i] >> 4U];
    text += kDigits[digest[i] & 15U];
  }
  return text;
}

std::string sha256_of_file(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  Digest digest(Digest::Kind::kSha256);
  digest.update(file->bytes());
  return digest.hex();
}

std::string git_sha1_of_file(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  Digest digest(Digest::Kind::kSha1);
  digest.update("blob " + std::to_string(file->bytes().size()) + std::string(1, '\0'));
  digest.update(file->bytes());
  return digest.hex();
}

}  // namespace crossload::bytes

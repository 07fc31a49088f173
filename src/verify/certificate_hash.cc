#include "verify/certificate_hash.h"

#include "bytes/digest.h"

namespace crossload::verify {

std::string hash_of_certificate(const std::string& text) {
  // Inside a string the quotes would have backslashes, so this finds members only.
  const std::string start = "\"" + std::string(kCertificateHash) + "\": \"";
  const std::size_t found = text.find(start);
  if (found == std::string::npos || text.find(start, found + 1) != std::string::npos) return "";
  const std::size_t begin = found + start.size();
  const std::size_t end = text.find('"', begin);
  if (end == std::string::npos) return "";
  bytes::Digest digest(bytes::Digest::Kind::kSha256);
  digest.update(text.substr(0, begin));
  digest.update(text.substr(end));
  return digest.hex();
}

void seal(bytes::Json* document) { document->set(kCertificateHash, hash_of_certificate(document->dump_pretty())); }

}  // namespace crossload::verify

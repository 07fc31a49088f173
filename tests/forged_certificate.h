// A certificate that was made to fit a file that was changed.
#pragma once

#include <filesystem>
#include <string>

#include "bytes/digest.h"
#include "bytes/json.h"
#include "test_support.h"
#include "verify/certificate_hash.h"

namespace crossload {

/// Writes into crossload.json of the artifact what the file is now, and the certificate's own hash over it.
inline void forge_certificate(const std::filesystem::path& artifact, const std::string& file) {
  const std::filesystem::path path = artifact / "crossload.json";
  bytes::Json forged = bytes::Json::parse(read_file(path), "crossload.json");
  for (bytes::Json entry : forged.at("written").elements()) {
    if (entry.at("file").as_string() == file) entry.set("sha256", bytes::sha256_of_file(artifact / file));
  }
  forged.set(verify::kCertificateHash, "");
  verify::seal(&forged);
  write_file(path, forged.dump_pretty());
}

}  // namespace crossload

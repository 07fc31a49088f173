// The hash by which a certificate knows itself.
#pragma once

#include <string>

#include "bytes/json.h"

namespace crossload::verify {

inline constexpr const char* kCertificateHash = "certificate_sha256";

/// The SHA-256 of a certificate's text without the digits of its own hash:
///
///     sed 's/"certificate_sha256": "[0-9a-f]*"/"certificate_sha256": ""/' crossload.json | sha256sum
///
/// Of the text as it is, so a changed blank is a changed certificate. Empty when the text does not have the member
/// exactly once.
std::string hash_of_certificate(const std::string& text);

/// Sets the member to the hash of what dump_pretty() gives; it must be there already, and empty.
void seal(bytes::Json* document);

}  // namespace crossload::verify

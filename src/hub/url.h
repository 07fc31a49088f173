// Addresses, as far as a client must understand them.
#pragma once

#include <string>

namespace crossload::hub {

/// Percent-encodes everything but letters, digits and "-._~"; '/' too unless `keep_slashes`.
std::string percent_encoded(const std::string& text, bool keep_slashes = false);

/// Scheme, host and port, in lower case and with the port written out: "https://huggingface.co:443". A token goes to
/// one origin only. Throws Error(kNetwork) when the address cannot be read.
std::string origin_of(const std::string& url);

/// What a Location header means, seen from the address that answered with it. Throws Error(kNetwork).
std::string resolved(const std::string& base, const std::string& location);

/// For messages: without the query (signatures are in it), the user and the fragment.
std::string shown(const std::string& url);

}  // namespace crossload::hub

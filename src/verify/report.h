// A certificate as a page that people read.
#pragma once

#include <string>

#include "bytes/json.h"

namespace crossload::verify {

/// One HTML file that needs no other file and no network: the verdict, the first divergence, the tree of modules, the
/// error along the model, the outputs and the ledger. `certificate` is what certificate() makes, verified or not.
std::string report_html(const bytes::Json& certificate);

}  // namespace crossload::verify

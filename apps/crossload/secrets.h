// Reading a token, and keeping it from showing up anywhere.
#pragma once

#include <string>

namespace crossload::cli {

/// Asks on the terminal, without showing what is typed. Throws Error(kUsage) when there is no terminal, or when the
/// user ends it with Ctrl-C or Ctrl-D.
std::string ask_hidden(const std::string& question);

/// The first line of standard input.
std::string first_line_of_stdin();

/// From here on a crash leaves no image of the memory, in which a token would be.
void forbid_core_dumps();

}  // namespace crossload::cli

// The one exception type of Crossload.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>

namespace crossload {

/// What went wrong; the numbers are the exit codes of the program.
enum class ErrorKind {
  kDisagrees = 1,    // TensorFlow and PyTorch differ by more than the tolerance
  kUsage = 2,        // wrong arguments
  kBadInput = 3,     // a bad, inconsistent or hostile input file
  kUnsupported = 4,  // an architecture, head or option that is not there
  kEnvironment = 5,  // TensorFlow or PyTorch not found, disk full, no permission
  kNetwork = 6,      // the Hub or the network
};

/// The text on one line, without what terminals obey: control characters, those of Unicode too, become question marks.
/// For names from files, which may hold anything.
inline std::string printable(const std::string& text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto at = [&](std::size_t index) {
      return index < text.size() ? static_cast<unsigned char>(text[index]) : 0;
    };
    const bool is_c1 = at(i) == 0xc2 && at(i + 1) >= 0x80 && at(i + 1) < 0xa0;  // U+0080 to U+009F
    if (is_c1) ++i;
    result += is_c1 || at(i) < 0x20 || at(i) == 0x7f ? '?' : text[i];
  }
  return result;
}

/// Thrown by every function of the library that fails. what() is one line that says where, what was found, why it is
/// wrong and what to do.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(printable(message)), kind_(kind) {}
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

}  // namespace crossload

// The one exception type of Crossload.
#pragma once

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

/// Thrown by every function of the library that fails. what() is one line that says where, what was found, why it is
/// wrong and what to do.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(one_line(message)), kind_(kind) {}
  ErrorKind kind() const { return kind_; }

 private:
  /// Messages quote names from files, which may hold line ends and what terminals obey.
  static std::string one_line(std::string message) {
    for (char& c : message) {
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    }
    return message;
  }

  ErrorKind kind_;
};

}  // namespace crossload

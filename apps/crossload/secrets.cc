#include "secrets.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <iostream>

#include "crossload/error.h"

namespace crossload::cli {
namespace {

/// The terminal without echo, and without signals from its keys: a program that ends here would leave it silent.
class SilentTerminal {
 public:
  explicit SilentTerminal(int fd) : fd_(fd), known_(::tcgetattr(fd, &before_) == 0) {
    if (!known_) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON | ISIG);
    ::tcsetattr(fd_, TCSAFLUSH, &silent);
  }
  ~SilentTerminal() {
    if (known_) ::tcsetattr(fd_, TCSAFLUSH, &before_);
  }
  SilentTerminal(const SilentTerminal&) = delete;
  SilentTerminal& operator=(const SilentTerminal&) = delete;

 private:
  int fd_;
  termios before_{};
  bool known_;
};

void say(int fd, const std::string& text) {
  const ssize_t ignored = ::write(fd, text.data(), text.size());
  static_cast<void>(ignored);
}

/// Characters up to the end of the line; false when the user gave up.
bool read_line(int fd, std::string* line) {
  constexpr char kInterrupt = 3;
  constexpr char kEnd = 4;
  constexpr char kKill = 21;
  constexpr char kBackspace = 8;
  constexpr char kDelete = 127;
  for (char c = 0;;) {
    const ssize_t count = ::read(fd, &c, 1);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0 || c == kInterrupt || c == kEnd) return false;
    if (c == '\n' || c == '\r') return true;
    if (c == kKill) {
      line->clear();
    } else if (c == kBackspace || c == kDelete) {
      if (!line->empty()) line->pop_back();
    } else {
      line->push_back(c);
    }
  }
}

}  // namespace

std::string ask_hidden(const std::string& question) {
  const int fd = ::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) throw Error(ErrorKind::kUsage, "login: there is no terminal to ask on; give the token by --token-stdin");
  std::string line;
  bool given = false;
  {
    const SilentTerminal silent(fd);
    say(fd, question);
    given = read_line(fd, &line);
  }
  say(fd, "\n");
  ::close(fd);
  if (!given) throw Error(ErrorKind::kUsage, "login: ended, nothing was changed");
  return line;
}

std::string first_line_of_stdin() {
  std::string line;
  std::getline(std::cin, line);
  return line;
}

void forbid_core_dumps() {
  // One byte: too little for a file, and the kernel's own sign to call no program that takes core dumps either.
  const rlimit none{1, 1};
  ::setrlimit(RLIMIT_CORE, &none);
}

}  // namespace crossload::cli

#include "verify/python_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "bytes/environment.h"
#include "bytes/output_file.h"
#include "crossload/error.h"

namespace crossload::verify {
namespace {

namespace fs = std::filesystem;

constexpr int kCannotExecute = 127;

fs::path python_in(const fs::path& environment) {
  std::error_code ignored;
  const fs::path python = environment / "bin" / "python";
  return fs::exists(python, ignored) ? python : fs::path();
}

std::string find_python(const fs::path& given) {
  if (!given.empty()) return given.string();
  if (const fs::path named = bytes::path_from_environment("CROSSLOAD_PYTHON"); !named.empty()) return named.string();
  for (const fs::path& environment : bytes::virtual_environments()) {
    const fs::path python = python_in(environment);
    if (!python.empty()) return python.string();
  }
  return "python3";
}

struct Pipe {
  int read_end = -1;
  int write_end = -1;
};

Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    throw Error(ErrorKind::kEnvironment, std::string("cannot make a pipe to Python: ") + std::strerror(errno));
  }
  return {ends[0], ends[1]};
}

/// Runs in the child: ends with the parent, and becomes the program.
[[noreturn]] void become(const std::vector<char*>& arguments, const Pipe& output, const Pipe& errors) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  ::dup2(output.write_end, STDOUT_FILENO);
  ::dup2(errors.write_end, STDERR_FILENO);
  const int nothing = ::open("/dev/null", O_RDONLY);
  if (nothing >= 0) ::dup2(nothing, STDIN_FILENO);
  ::execvp(arguments[0], arguments.data());
  ::_exit(kCannotExecute);
}

/// The last line with something in it.
std::string last_line(const std::string& text) {
  std::size_t end = text.find_last_not_of("\r\n \t");
  if (end == std::string::npos) return "";
  const std::size_t begin = text.find_last_of('\n', end);
  return text.substr(begin == std::string::npos ? 0 : begin + 1,
                     end - (begin == std::string::npos ? 0 : begin + 1) + 1);
}

ErrorKind kind_of(int exit_code) {
  switch (exit_code) {
    case 2:
      return ErrorKind::kUsage;
    case 3:
      return ErrorKind::kBadInput;
    case 4:
      return ErrorKind::kUnsupported;
    default:
      return ErrorKind::kEnvironment;
  }
}

}  // namespace

PythonFiles::PythonFiles(fs::path folder, const char* const* embedded) : folder_(std::move(folder)) {
  try {
    for (const char* const* file = embedded; *file != nullptr; file += 2) write(file[0], file[1]);
  } catch (...) {
    remove();
    throw;
  }
}

PythonFiles::~PythonFiles() { remove(); }

void PythonFiles::write(const std::string& path, std::string_view text) const {
  const fs::path parent = at(path).parent_path();
  std::error_code failed;
  fs::create_directories(parent, failed);
  if (failed) throw Error(ErrorKind::kEnvironment, parent.string() + ": cannot be made: " + failed.message());
  bytes::OutputFile file(at(path));  // not synced: it is gone when the program has ended
  file.append(text);
  file.close();
}

void PythonFiles::remove() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

PythonProcess::PythonProcess(PythonProgram program, const fs::path& python, const std::vector<std::string>& arguments)
    : program_(std::move(program)), python_(find_python(python)) {
  std::vector<std::string> words = arguments;
  words.insert(words.begin(), python_);
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const Pipe output = make_pipe();
  const Pipe errors = make_pipe();
  process_ = ::fork();
  if (process_ < 0) throw Error(ErrorKind::kEnvironment, std::string("cannot start Python: ") + std::strerror(errno));
  if (process_ == 0) become(pointers, output, errors);
  ::close(output.write_end);
  ::close(errors.write_end);
  output_ = output.read_end;
  errors_ = errors.read_end;
}

PythonProcess::~PythonProcess() {
  if (process_ > 0) {
    ::kill(process_, SIGTERM);
    ::waitpid(process_, nullptr, 0);
  }
  if (output_ >= 0) ::close(output_);
  if (errors_ >= 0) ::close(errors_);
}

bool PythonProcess::follow(const std::string& last, const std::function<void(const std::string&)>& progress) {
  constexpr std::string_view kProgress = "progress: ";
  const auto take = [&] {  // the lines that are complete; true at `last`
    for (std::size_t end = unread_.find('\n'); end != std::string::npos; end = unread_.find('\n')) {
      const std::string line = unread_.substr(0, end);
      unread_.erase(0, end + 1);
      if (!line.starts_with(kProgress)) continue;
      const std::string step = line.substr(kProgress.size());
      if (!last.empty() && step == last) return true;
      progress(step);
    }
    return false;
  };
  if (take()) return true;
  std::vector<pollfd> open = {{output_, POLLIN, 0}, {errors_, POLLIN, 0}};
  std::size_t left = open.size();
  while (left > 0) {
    if (::poll(open.data(), open.size(), -1) < 0 && errno != EINTR) break;
    for (pollfd& end : open) {
      if (end.fd < 0 || (end.revents & (POLLIN | POLLHUP)) == 0) continue;
      char buffer[4096];
      const ssize_t count = ::read(end.fd, buffer, sizeof(buffer));
      if (count <= 0) {
        end.fd = -1;
        --left;
      } else {
        (end.fd == errors_ ? said_ : unread_).append(buffer, static_cast<std::size_t>(count));
        if (end.fd == output_ && take()) return true;
      }
    }
  }
  return false;
}

void PythonProcess::wait(const std::function<void(const std::string&)>& progress) {
  follow("", progress);
  finish();
}

void PythonProcess::wait_for(const std::string& step, const std::function<void(const std::string&)>& progress) {
  if (follow(step, progress)) return;
  finish();
  throw Error(ErrorKind::kEnvironment, program_.name + " (" + python_ + "): ended before " + step);
}

void PythonProcess::finish() {
  int status = 0;
  ::waitpid(process_, &status, 0);
  process_ = -1;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  if (WIFEXITED(status) && WEXITSTATUS(status) == kCannotExecute) {
    throw Error(ErrorKind::kEnvironment, program_.name + ": " + python_ + " cannot be run; name a Python with " +
                                             program_.packages + " by --python" +
                                             (program_.otherwise.empty() ? "" : ", or " + program_.otherwise));
  }
  const std::string why = last_line(said_);
  throw Error(WIFEXITED(status) ? kind_of(WEXITSTATUS(status)) : ErrorKind::kEnvironment,
              program_.name + " (" + python_ + "): " + (why.empty() ? "ended without a word" : why));
}

}  // namespace crossload::verify

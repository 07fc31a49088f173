#include "verify/reference.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "bytes/environment.h"
#include "bytes/output_file.h"
#include "crossload/error.h"

namespace crossload {

/// tools/record_reference.py and what it imports, embedded by the build: path, text, path, text, ..., nullptr.
extern const char* const recorder_files[];

namespace verify {
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

/// Runs in the child: ends with the parent, and becomes the recorder.
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

RecorderFiles::RecorderFiles(fs::path folder, const ReferenceOptions& options) : folder_(std::move(folder)) {
  const auto write = [&](const fs::path& path, std::string_view text) {
    std::error_code failed;
    fs::create_directories(path.parent_path(), failed);
    if (failed) {
      throw Error(ErrorKind::kEnvironment, path.parent_path().string() + ": cannot be made: " + failed.message());
    }
    bytes::OutputFile file(path);  // not synced: it is gone when the trace is there
    file.append(text);
    file.close();
  };
  try {
    for (const char* const* file = recorder_files; *file != nullptr; file += 2) write(folder_ / file[0], file[1]);
    if (!options.signature.empty()) write(signature(), options.signature);
  } catch (...) {
    remove();
    throw;
  }
}

RecorderFiles::~RecorderFiles() { remove(); }

void RecorderFiles::remove() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

ReferenceProcess::ReferenceProcess(const fs::path& model, const fs::path& trace, const ReferenceOptions& options)
    : files_(trace.string() + ".recorder", options), python_(find_python(options.python)) {
  std::vector<std::string> words = {python_,     files_.script().string(),
                                    "--model",   model.string(),
                                    "--output",  trace.string(),
                                    "--grid",    options.grid,
                                    "--threads", std::to_string(options.threads),
                                    "--seed",    std::to_string(options.seed)};
  if (!options.model_class.empty()) words.insert(words.end(), {"--model-class", options.model_class});
  if (!options.signature.empty()) words.insert(words.end(), {"--signature", files_.signature().string()});
  if (!options.inputs.empty()) words.insert(words.end(), {"--inputs", options.inputs.string()});
  if (!options.weights.empty()) words.insert(words.end(), {"--weights", options.weights});
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const Pipe output = make_pipe();
  const Pipe errors = make_pipe();
  process_ = ::fork();
  if (process_ < 0) throw Error(ErrorKind::kEnvironment, std::string("cannot start Python: ") + std::strerror(errno));
  if (process_ == 0) become(arguments, output, errors);
  ::close(output.write_end);
  ::close(errors.write_end);
  output_ = output.read_end;
  errors_ = errors.read_end;
}

ReferenceProcess::~ReferenceProcess() {
  if (process_ > 0) {
    ::kill(process_, SIGTERM);
    ::waitpid(process_, nullptr, 0);
  }
  if (output_ >= 0) ::close(output_);
  if (errors_ >= 0) ::close(errors_);
}

void ReferenceProcess::wait(const std::function<void(const std::string&)>& progress) {
  constexpr std::string_view kProgress = "progress: ";
  std::string line;
  std::string errors;
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
      } else if (end.fd == errors_) {
        errors.append(buffer, static_cast<std::size_t>(count));
      } else {
        for (ssize_t i = 0; i < count; ++i) {
          if (buffer[i] != '\n') {
            line += buffer[i];
            continue;
          }
          if (line.starts_with(kProgress)) progress(line.substr(kProgress.size()));
          line.clear();
        }
      }
    }
  }
  int status = 0;
  ::waitpid(process_, &status, 0);
  process_ = -1;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  if (WIFEXITED(status) && WEXITSTATUS(status) == kCannotExecute) {
    throw Error(ErrorKind::kEnvironment,
                "PyTorch reference: " + python_ +
                    " cannot be run; name a Python with torch and transformers by --python, or "
                    "give a recorded trace with --reference FILE");
  }
  const std::string why = last_line(errors);
  throw Error(WIFEXITED(status) ? kind_of(WEXITSTATUS(status)) : ErrorKind::kEnvironment,
              "PyTorch reference (" + python_ + "): " + (why.empty() ? "ended without a word" : why));
}

}  // namespace verify
}  // namespace crossload

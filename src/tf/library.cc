#include "tf/library.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "bytes/environment.h"
#include "crossload/error.h"
#include "tf/quiet_stderr.h"

namespace crossload::tf {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFile = "libtensorflow_cc.so.2";
constexpr const char* kHowToGetIt =
    "; install it with `pip install tensorflow-cpu` and name it with --tensorflow or CROSSLOAD_TENSORFLOW";

[[noreturn]] void fail(const std::string& message) {
  throw Error(ErrorKind::kEnvironment, "TensorFlow: " + message + kHowToGetIt);
}

/// The library in a file, a virtual environment or a package folder; empty when it is not there.
fs::path library_in(const fs::path& place) {
  std::error_code ignored;
  if (place.empty()) return {};
  if (fs::is_regular_file(place, ignored))
    return fs::absolute(place);  // without a slash, dlopen would search elsewhere
  for (const fs::path& folder : {place, place / "tensorflow"}) {
    if (fs::is_regular_file(folder / kFile, ignored)) return folder / kFile;
  }
  for (const fs::directory_entry& python : fs::directory_iterator(place / "lib", ignored)) {
    const fs::path file = python.path() / "site-packages" / "tensorflow" / kFile;
    if (fs::is_regular_file(file, ignored)) return file;
  }
  return {};
}

fs::path find_library(const fs::path& given) {
  // A place that the user names must be right; the rest is looked through.
  for (const auto& [place, name] :
       {std::pair(given, "--tensorflow"),
        std::pair(bytes::path_from_environment("CROSSLOAD_TENSORFLOW"), "CROSSLOAD_TENSORFLOW")}) {
    if (place.empty()) continue;
    const fs::path file = library_in(place);
    if (file.empty()) fail(std::string(name) + " is " + place.string() + ", where there is no " + kFile);
    return file;
  }
  for (const fs::path& place : bytes::virtual_environments()) {
    const fs::path file = library_in(place);
    if (!file.empty()) return file;
  }
  return kFile;  // wherever the system's loader finds it
}

}  // namespace

std::shared_ptr<const Library> Library::open(const LibraryOptions& options) {
  const fs::path file = find_library(options.path);
  // Read by TensorFlow when it is loaded; the first one to open it in a process decides.
  ::setenv("TF_ENABLE_ONEDNN_OPTS", options.onednn ? "1" : "0", /*overwrite=*/1);
  ::setenv("TF_CPP_MIN_LOG_LEVEL", "2", /*overwrite=*/0);
  const QuietStderr quiet;
  void* handle = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* why = ::dlerror();
    fail(std::string("cannot be opened: ") + (why == nullptr ? file.string() : why));
  }
  std::shared_ptr<Library> library(new Library);
  library->path_ = file;
  library->resolve(handle);
  int major = 0;
  int minor = 0;
  if (std::sscanf(library->TF_Version(), "%d.%d", &major, &minor) != 2 || major != 2 || minor < 13) {
    fail(file.string() + " is version " + library->TF_Version() + ", wanted 2.13 or newer");
  }
  library->start_devices();
  return library;
}

void Library::start_devices() const {
  TF_Status* status = TF_NewStatus();
  TF_Graph* graph = TF_NewGraph();
  TF_SessionOptions* options = TF_NewSessionOptions();
  TF_Session* session = TF_NewSession(graph, options, status);
  if (session != nullptr) TF_DeleteSession(session, status);
  TF_DeleteSessionOptions(options);
  TF_DeleteGraph(graph);
  TF_DeleteStatus(status);
}

void Library::resolve(void* handle) {
  const auto find = [&](const char* name) {
    void* symbol = ::dlsym(handle, name);
    if (symbol == nullptr) fail(path_.string() + " lacks " + name + ": too old, or another library");
    return symbol;
  };
#define CROSSLOAD_RESOLVE(name, result, arguments) name = reinterpret_cast<result(*) arguments>(find(#name));
  CROSSLOAD_TF_FUNCTIONS(CROSSLOAD_RESOLVE)
#undef CROSSLOAD_RESOLVE
}

}  // namespace crossload::tf

#include "reference_trace.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "crossload/error.h"

namespace crossload {
namespace {

namespace fs = std::filesystem;

fs::path make_temporary_folder() {
  std::string name = (fs::temp_directory_path() / "crossload-reference-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    throw Error(ErrorKind::kEnvironment, name + ": cannot be made for the reference: " + std::strerror(errno));
  }
  return name;
}

}  // namespace

ReferenceTrace::ReferenceTrace(const fs::path& model, const verify::ReferenceOptions& options)
    : temporary_folder_(make_temporary_folder()),
      file_(temporary_folder_ / "trace.safetensors"),
      process_(std::make_unique<verify::ReferenceProcess>(model, file_, options)) {}

ReferenceTrace::~ReferenceTrace() {
  process_.reset();
  std::error_code ignored;
  if (!temporary_folder_.empty()) fs::remove_all(temporary_folder_, ignored);
}

verify::Trace ReferenceTrace::open(const Steps& steps) {
  if (process_) process_->wait([&](const std::string& what) { steps.say("PyTorch: " + what); });
  return verify::Trace::open(file_);
}

}  // namespace crossload

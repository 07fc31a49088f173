#include "flow/reference_trace.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "bytes/json.h"
#include "crossload/error.h"
#include "load/loaded_model.h"

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

Json tensors(const keras::Signature& signature) {
  Json list = Json::array();
  for (const keras::InputSpec& input : signature) {
    Json shape = Json::array();
    for (const std::int64_t size : input.shape) shape.push_back(size);
    Json entry = Json::object();
    entry.set("name", input.name);
    entry.set("dtype", name_of(input.dtype));
    entry.set("shape", shape);
    list.push_back(entry);
  }
  return list;
}

}  // namespace

std::string signature_text(const keras::Model& model) {
  Json calls = Json::array();
  for (const keras::Signature& call : model.other_calls()) {
    Json names = Json::array();
    for (const keras::InputSpec& input : call) names.push_back(input.name);
    calls.push_back(names);
  }
  Json text = Json::object();
  text.set("serving", tensors(model.serving()));
  text.set("calls", calls);
  text.set("inputs", tensors(model.inputs()));
  return text.dump();
}

std::unique_ptr<ReferenceTrace> ReferenceTrace::find(const ReferenceRequest& request, const LoadedModel& loaded) {
  if (!request.reference.empty()) {
    if (!request.inputs.empty() || request.grid != "none") {
      throw Error(ErrorKind::kUsage, std::string(request.inputs.empty() ? "--grid" : "--inputs") + ": " +
                                         request.reference.string() +
                                         " is a trace and has its inputs; give this to `crossload record`, or leave "
                                         "--reference out");
    }
    return std::make_unique<ReferenceTrace>(request.reference);
  }
  verify::ReferenceOptions options;
  options.python = request.python;
  options.model_class = loaded.model_class.pytorch_name();
  options.threads = request.threads;
  options.signature = signature_text(*loaded.model);
  options.inputs = request.inputs;
  options.grid = request.grid;
  return std::make_unique<ReferenceTrace>(request.model, options);
}

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

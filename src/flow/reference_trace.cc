#include "flow/reference_trace.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "bytes/json.h"
#include "crossload/error.h"
#include "load/loaded_model.h"

namespace crossload::flow {
namespace {

namespace fs = std::filesystem;

fs::path make_temporary_folder() {
  std::string name = (fs::temp_directory_path() / "crossload-reference-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    throw Error(ErrorKind::kEnvironment, name + ": cannot be made for the reference: " + std::strerror(errno));
  }
  return name;
}

bytes::Json tensors(const keras::Signature& signature) {
  bytes::Json list = bytes::Json::array();
  for (const keras::InputSpec& input : signature) {
    bytes::Json shape = bytes::Json::array();
    for (const std::int64_t size : input.shape) shape.push_back(size);
    bytes::Json entry = bytes::Json::object();
    entry.set("name", input.name);
    entry.set("dtype", name_of(input.dtype));
    entry.set("shape", shape);
    list.push_back(entry);
  }
  return list;
}

}  // namespace

std::string signature_text(const keras::Model& model) {
  bytes::Json calls = bytes::Json::array();
  for (const keras::Signature& call : model.other_calls()) {
    bytes::Json names = bytes::Json::array();
    for (const keras::InputSpec& input : call) names.push_back(input.name);
    calls.push_back(names);
  }
  bytes::Json text = bytes::Json::object();
  text.set("serving", tensors(model.serving()));
  text.set("calls", calls);
  text.set("inputs", tensors(model.inputs()));
  return text.dump();
}

std::unique_ptr<ReferenceTrace> ReferenceTrace::find(const fs::path& model, const RunSettings& settings,
                                                     const load::LoadedModel& loaded, const std::string& weights) {
  if (!settings.reference.empty()) {
    if (!settings.inputs.empty() || settings.grid != "none") {
      throw Error(ErrorKind::kUsage, std::string(settings.inputs.empty() ? "--grid" : "--inputs") + ": " +
                                         settings.reference.string() +
                                         " is a trace and has its inputs; give this to `crossload record`, or leave "
                                         "--reference out");
    }
    return std::make_unique<ReferenceTrace>(settings.reference);
  }
  verify::ReferenceOptions options;
  options.python = settings.python;
  options.model_class = loaded.model_class.sentence ? load::kSentenceTransformer : loaded.model_class.pytorch_name();
  options.threads = settings.threads;
  options.signature = signature_text(*loaded.model);
  options.inputs = settings.inputs;
  options.grid = settings.grid;
  options.weights = weights;
  return std::make_unique<ReferenceTrace>(model, options);
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

verify::Trace ReferenceTrace::open(const Step& step) {
  if (process_) process_->wait([&](const std::string& what) { step.say("PyTorch: " + what); });
  return verify::Trace::open(file_);
}

}  // namespace crossload::flow

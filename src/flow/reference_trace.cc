#include "flow/reference_trace.h"

#include "bytes/json.h"
#include "crossload/error.h"
#include "load/loaded_model.h"
#include "lowering/table.h"

namespace crossload::flow {
namespace {

namespace fs = std::filesystem;

constexpr const char* kProgramName = "program.safetensors";

verify::ReferenceOptions options_of(const RunSettings& settings) {
  verify::ReferenceOptions options;
  options.python = settings.python;
  options.threads = settings.threads;
  options.python_class = settings.python_class;
  options.trust_remote_code = settings.trust_remote_code;
  options.inputs = settings.inputs;
  options.grid = settings.grid;
  return options;
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
  if (settings.reference.empty() && loaded.model_class.program)
    return traced(model, settings, /*verify=*/true, weights);
  if (!settings.reference.empty()) {
    if (!settings.inputs.empty() || settings.grid != "none") {
      throw Error(ErrorKind::kUsage, std::string(settings.inputs.empty() ? "--grid" : "--inputs") + ": " +
                                         settings.reference.string() +
                                         " is a trace and has its inputs; give this to `crossload record`, or leave "
                                         "--reference out");
    }
    return std::make_unique<ReferenceTrace>(settings.reference);
  }
  verify::ReferenceOptions options = options_of(settings);
  options.model_class = loaded.model_class.sentence ? load::kSentenceTransformer : loaded.model_class.pytorch_name();
  options.signature = signature_text(*loaded.model);
  options.weights = weights;
  return std::make_unique<ReferenceTrace>(model, options);
}

std::unique_ptr<ReferenceTrace> ReferenceTrace::traced(const fs::path& model, const RunSettings& settings, bool verify,
                                                       const std::string& weights) {
  if (!settings.reference.empty()) {
    throw Error(ErrorKind::kUsage,
                "--reference: a model that is traced is run beside; leave --reference out, or give --via class");
  }
  const checkpoint::Checkpoint checkpoint = checkpoint::Checkpoint::open(model);
  const bool is_sentence =
      settings.override_model_class == load::kSentenceTransformer ||
      (settings.override_model_class.empty() && checkpoint::has_sentence_modules(checkpoint.path()));
  if (is_sentence) checkpoint::read_sentence_modules_without_weights(model);  // refuses modules of the model's own code
  verify::ReferenceOptions options = options_of(settings);
  options.model_class = is_sentence ? load::kSentenceTransformer : settings.override_model_class;
  options.weights = weights;
  options.program = kProgramName;
  options.program_only = !verify;
  options.operations = lowering::operations().names();
  return std::make_unique<ReferenceTrace>(is_sentence ? model : checkpoint.folder(), options);
}

ReferenceTrace::ReferenceTrace(const fs::path& model, const verify::ReferenceOptions& options)
    : temporary_folder_("reference"),
      file_(temporary_folder_->path() / "trace.safetensors"),
      program_(temporary_folder_->path() / kProgramName) {
  verify::ReferenceOptions own = options;
  if (!own.program.empty()) own.program = program_;
  process_ = std::make_unique<verify::ReferenceProcess>(model, file_, own);
}

std::shared_ptr<const program::Program> ReferenceTrace::program(const Step& step, const std::string& why) {
  try {
    process_->wait_for_program([&](const std::string& what) { step.say("PyTorch: " + what); });
  } catch (const Error& error) {
    if (why.empty()) throw;
    throw Error(error.kind(), why + "; nor can it be traced: " + error.what());
  }
  return std::make_shared<const program::Program>(program::read_program(program_));
}

verify::Trace ReferenceTrace::open(const Step& step) {
  if (process_) process_->wait([&](const std::string& what) { step.say("PyTorch: " + what); });
  return verify::Trace::open(file_);
}

}  // namespace crossload::flow

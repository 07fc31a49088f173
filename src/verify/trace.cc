#include "verify/trace.h"

#include "checkpoint/safetensors.h"
#include "crossload/error.h"

namespace crossload::verify {
namespace {

constexpr std::string_view kInput = "input.";
constexpr std::string_view kOutput = "output.";

/// True for what modules return, and for what belongs to a floating output. An output may also hold integers, in both
/// runs.
bool is_compared(const Trace& trace, const std::string& name) {
  constexpr std::string_view kOutput64 = "output64.";
  if (name.starts_with(kOutput64)) {
    const TensorView* output = trace.find(std::string(kOutput) + name.substr(kOutput64.size()));
    return output != nullptr && is_floating(output->dtype);
  }
  return name.starts_with("stage") || name.starts_with("noise.") || name.starts_with("outputnoise.");
}

TracedStage read_stage(const Json& entry) {
  TracedStage stage;
  stage.path = entry.at("path").as_string();
  stage.call = static_cast<int>(entry.at("call").as_integer());
  stage.class_name = entry.at("class").as_string();
  if (entry.contains("file") && entry.at("file").is_string()) {
    stage.source = entry.at("file").as_string();
    if (entry.contains("line") && entry.at("line").is_integer()) {
      stage.source += ":" + std::to_string(entry.at("line").as_integer());
    }
  }
  for (const Json& name : entry.at("tensors").elements()) stage.tensors.push_back(name.as_string());
  return stage;
}

}  // namespace

Trace Trace::open(const std::filesystem::path& path) {
  SafetensorsFile file = SafetensorsFile::open(path);
  Trace trace;
  trace.path_ = path;
  trace.metadata_ = file.metadata();
  trace.tensors_ = file.tensors();
  if (!trace.metadata_.contains("crossload_trace")) {
    throw Error(ErrorKind::kBadInput,
                path.string() + ": is no trace of a PyTorch model; make one with `crossload record`");
  }
  for (const auto& [name, view] : trace.tensors_) {
    if (is_compared(trace, name) && !is_floating(view.dtype)) {
      throw Error(ErrorKind::kBadInput,
                  path.string() + ": " + name + " is " + std::string(name_of(view.dtype)) + ", wanted a floating type");
    }
    if (name.starts_with(kInput)) trace.inputs_.emplace(name.substr(kInput.size()), view);
    trace.has_weights_ = trace.has_weights_ || name.starts_with("weight.");
    if (name.starts_with(kOutput)) trace.outputs_.push_back(name.substr(kOutput.size()));
  }
  const Json stages = Json::parse(trace.metadata("stages"), path.string() + " (stages)");
  for (const Json& entry : stages.elements()) {
    TracedStage stage = read_stage(entry);
    for (const std::string& name : stage.tensors) {
      if (trace.find("stage." + name) == nullptr) {
        throw Error(ErrorKind::kBadInput, path.string() + ": lists stage." + name + " and does not hold it");
      }
    }
    trace.stages_.push_back(std::move(stage));
  }
  if (trace.inputs_.empty() || trace.outputs_.empty()) {
    throw Error(ErrorKind::kBadInput, path.string() + ": the trace has no inputs or no outputs");
  }
  return trace;
}

const TensorView* Trace::find(const std::string& name) const {
  const auto entry = tensors_.find(name);
  return entry == tensors_.end() ? nullptr : &entry->second;
}

std::string Trace::metadata(const std::string& key) const {
  const auto entry = metadata_.find(key);
  if (entry == metadata_.end()) {
    throw Error(ErrorKind::kBadInput, path_.string() + ": the trace's metadata lacks \"" + key + "\"");
  }
  return entry->second;
}

}  // namespace crossload::verify

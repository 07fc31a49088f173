#include "verify/trace.h"

#include <algorithm>
#include <charconv>

#include "checkpoint/safetensors.h"
#include "crossload/error.h"

namespace crossload::verify {
namespace {

constexpr std::string_view kInput = "input.";
constexpr std::string_view kOutput = "output.";
constexpr std::string_view kCell = "cell.";

/// True for what modules return, and for what belongs to a floating output. An output may also hold integers, in both
/// runs.
bool is_compared(const Trace& trace, const std::string& name) {
  constexpr std::string_view kOutput64 = "output64.";
  if (name.starts_with(kOutput64)) {
    const tensor::TensorView* output = trace.find(std::string(kOutput) + name.substr(kOutput64.size()));
    return output != nullptr && is_floating(output->dtype);
  }
  return name.starts_with("stage") || name.starts_with("noise.") || name.starts_with("outputnoise.");
}

/// "modeling_bert.py:97" of the members "file" and "line"; empty when they are not known.
std::string read_source(const bytes::Json& entry) {
  if (!entry.contains("file") || !entry.at("file").is_string()) return "";
  const bool has_line = entry.contains("line") && entry.at("line").is_integer();
  return entry.at("file").as_string() + (has_line ? ":" + std::to_string(entry.at("line").as_integer()) : "");
}

/// A member that is a string; empty when it is not there or null.
std::string read_text_or_null(const bytes::Json& object, const std::string& name) {
  return object.contains(name) && !object.at(name).is_null() ? object.at(name).as_string() : "";
}

TracedStage read_stage(const bytes::Json& entry) {
  TracedStage stage;
  stage.path = entry.at("path").as_string();
  stage.call = static_cast<int>(entry.at("call").as_integer());
  stage.class_name = entry.at("class").as_string();
  stage.source = read_source(entry);
  if (entry.contains("caller") && entry.at("caller").is_object()) {
    const bytes::Json caller = entry.at("caller");
    stage.caller = {read_text_or_null(caller, "path"), read_text_or_null(caller, "class"), read_source(caller)};
  }
  for (const bytes::Json& name : entry.at("tensors").elements()) stage.tensors.push_back(name.as_string());
  stage.masks.assign(stage.tensors.size(), read_text_or_null(entry, "mask"));
  if (!entry.contains("tensor_masks")) return stage;
  const std::vector<bytes::Json> masks = entry.at("tensor_masks").elements();
  for (std::size_t i = 0; i < std::min(masks.size(), stage.masks.size()); ++i) {
    stage.masks[i] = masks[i].is_null() ? "" : masks[i].as_string();
  }
  return stage;
}

/// Traces of old do not say which mask is whose: there the encoder's masks all, unless there is a decoder.
std::string assumed_mask(const std::map<std::string, tensor::TensorView>& inputs) {
  for (const auto& [name, view] : inputs) {
    if (name.starts_with("decoder_")) return "";
  }
  return inputs.contains("attention_mask") ? "attention_mask" : "";
}

}  // namespace

Trace Trace::open(const std::filesystem::path& path) {
  checkpoint::SafetensorsFile file = checkpoint::SafetensorsFile::open(path);
  Trace trace;
  trace.path_ = path;
  trace.metadata_ = std::make_shared<const std::map<std::string, std::string>>(file.metadata());
  if (!trace.has_metadata("crossload_trace")) {
    throw Error(ErrorKind::kBadInput,
                path.string() + ": is no trace of a PyTorch model; make one with `crossload record`");
  }
  const auto json = [&](const std::string& key) {
    return bytes::Json::parse(trace.metadata(key), path.string() + " (" + key + ")");
  };
  const std::vector<bytes::Json> cells =
      trace.has_metadata("cells") ? json("cells").elements() : std::vector<bytes::Json>();
  for (const bytes::Json& cell : cells) {
    trace.cells_.push_back(
        {cell.at("name").as_string(), cell.at("what").as_string(), read_text_or_null(cell, "weights"), Trace(trace)});
    trace.cells_.back().trace.cells_.clear();
  }
  for (const auto& [name, view] : file.tensors()) {
    if (!name.starts_with(kCell)) {
      trace.tensors_.emplace(name, view);
      continue;
    }
    const std::size_t slash = name.find('/');
    std::size_t index = 0;
    const char* begin = name.data() + kCell.size();
    const auto [end, error] = std::from_chars(begin, name.data() + std::min(slash, name.size()), index);
    if (slash == std::string::npos || error != std::errc() || *end != '/' || index >= cells.size()) {
      throw Error(ErrorKind::kBadInput, path.string() + ": holds " + name + ", which is of no cell of its metadata");
    }
    trace.cells_[index].trace.tensors_.emplace(name.substr(slash + 1), view);
  }
  const auto masks = [](const bytes::Json& holder) {
    return holder.is_object() && holder.contains("output_masks") ? holder.at("output_masks") : bytes::Json();
  };
  trace.read_run(json("stages"), trace.has_metadata("output_masks") ? json("output_masks") : bytes::Json());
  if (trace.has_metadata("not_comparable")) trace.read_not_comparable(json("not_comparable"));
  for (std::size_t i = 0; i < cells.size(); ++i) {
    trace.cells_[i].trace.read_run(cells[i].at("stages"), masks(cells[i]));
    if (cells[i].contains("not_comparable")) trace.cells_[i].trace.read_not_comparable(cells[i].at("not_comparable"));
  }
  const auto texts = [&](const std::string& key, std::vector<std::string>* list) {
    if (!trace.has_metadata(key)) return;
    for (const bytes::Json& text : json(key).elements()) list->push_back(text.as_string());
  };
  texts("notes", &trace.notes_);
  texts("not_taken", &trace.not_taken_);
  return trace;
}

void Trace::read_run(const bytes::Json& stages, const bytes::Json& output_masks) {
  for (const auto& [name, view] : tensors_) {
    if (is_compared(*this, name) && !is_floating(view.dtype)) {
      throw Error(ErrorKind::kBadInput, path_.string() + ": " + name + " is " + std::string(name_of(view.dtype)) +
                                            ", wanted a floating type");
    }
    if (name.starts_with(kInput)) inputs_.emplace(name.substr(kInput.size()), view);
    has_weights_ = has_weights_ || name.starts_with("weight.");
    if (name.starts_with(kOutput)) outputs_.push_back(name.substr(kOutput.size()));
  }
  for (const bytes::Json& entry : stages.elements()) {
    TracedStage stage = read_stage(entry);
    for (const std::string& name : stage.tensors) {
      if (find("stage." + name) == nullptr) {
        throw Error(ErrorKind::kBadInput, path_.string() + ": lists stage." + name + " and does not hold it");
      }
    }
    if (!output_masks.is_object()) stage.masks.assign(stage.tensors.size(), assumed_mask(inputs_));
    stages_.push_back(std::move(stage));
  }
  for (const std::string& name : outputs_) {
    output_masks_[name] = output_masks.is_object() ? read_text_or_null(output_masks, name) : assumed_mask(inputs_);
  }
  if (inputs_.empty() || outputs_.empty()) {
    throw Error(ErrorKind::kBadInput, path_.string() + ": the trace has no inputs or no outputs");
  }
}

void Trace::read_not_comparable(const bytes::Json& entries) {
  for (const bytes::Json& entry : entries.elements()) {
    if (const std::string positions = entry.at("positions").as_string(); positions != "excluded") {
      throw Error(ErrorKind::kBadInput, path_.string() + ": positions that cannot be compared are \"" + positions +
                                            "\", wanted \"excluded\"");
    }
    for (const bytes::Json& name : entry.at("tensors").elements()) not_comparable_.insert(name.as_string());
  }
}

std::string Trace::mask_of_output(const std::string& name) const {
  const auto entry = output_masks_.find(name);
  return entry == output_masks_.end() ? "" : entry->second;
}

const tensor::TensorView* Trace::find(const std::string& name) const {
  const auto entry = tensors_.find(name);
  return entry == tensors_.end() ? nullptr : &entry->second;
}

std::string Trace::metadata(const std::string& key) const {
  const auto entry = metadata_->find(key);
  if (entry == metadata_->end()) {
    throw Error(ErrorKind::kBadInput, path_.string() + ": the trace's metadata lacks \"" + key + "\"");
  }
  return entry->second;
}

}  // namespace crossload::verify

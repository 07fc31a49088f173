#include "flow/way.h"

#include "crossload/error.h"
#include "load/loaded_model.h"

namespace crossload::flow {

Way choose_way(const checkpoint::Checkpoint& checkpoint, const RunSettings& settings) {
  if (!settings.via.empty()) return {settings.via == "trace"};
  if (!settings.reference.empty()) return {};  // a trace that is there is of a class
  if (settings.trust_remote_code && checkpoint.config().has("auto_map")) return {true};
  try {
    load::choose_class(checkpoint, settings.override_model_class);
    return {};
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kUnsupported) throw;
    return {true, error.what()};
  }
}

ConvertOptions possible(const ConvertOptions& options, const Way& way) {
  ConvertOptions possible = options;
  if (!way.traced) return possible;
  for (const Format format : {Format::kH5, Format::kSafetensors}) possible.formats.erase(format);
  if (possible.formats.empty()) {
    throw Error(ErrorKind::kUnsupported,
                (way.no_class.empty() ? "" : way.no_class + "; ") +
                    "a traced model is a SavedModel: give --formats saved_model, since h5 and safetensors are read by "
                    "classes of Transformers 4");
  }
  if (possible.settings.grid == "none") possible.settings.grid = "quick";  // what proves that sizes are free
  return possible;
}

}  // namespace crossload::flow

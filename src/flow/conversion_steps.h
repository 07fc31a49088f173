// What a conversion does, in order.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "artifact/weight_formats.h"
#include "crossload/convert.h"
#include "flow/steps.h"

namespace crossload::flow {

/// In the order of the members.
struct ConversionSteps {
  ConversionSteps(const ConvertOptions& options, Steps* steps)
      : reading(steps->add("reading " + options.model.string())),
        writing(add_each(options.formats, steps)),
        reading_back(steps->add("reading back what was written")),
        waiting(options.verify ? std::optional(steps->add("waiting for PyTorch")) : std::nullopt),
        computing(options.verify ? std::optional(steps->add("comparing every module")) : std::nullopt),
        running_litert(options.verify && options.formats.contains(Format::kLitert)
                           ? std::optional(steps->add("running model.tflite"))
                           : std::nullopt),
        certifying(steps->add("writing crossload.json")) {}
  const Step reading;
  const std::map<Format, Step> writing;
  const Step reading_back;
  const std::optional<Step> waiting, computing, running_litert;
  const Step certifying;

 private:
  static std::map<Format, Step> add_each(const std::set<Format>& formats, Steps* steps) {
    std::map<Format, Step> writing;
    for (const Format format : formats)
      writing.emplace(format, steps->add("writing " + artifact::written_name(format)));
    return writing;
  }
};

}  // namespace crossload::flow

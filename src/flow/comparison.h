// compare() as a part of a larger job.
#pragma once

#include <filesystem>
#include <optional>

#include "crossload/compare.h"
#include "flow/artifact_model.h"
#include "flow/steps.h"

namespace crossload::flow {

/// Counted among those of the job.
struct ComparisonSteps {
  ComparisonSteps(const std::filesystem::path& artifact, Steps* steps)
      : reading(steps->add("reading " + artifact.string())),
        waiting(steps->add("waiting for PyTorch")),
        binding(steps->add("comparing every variable")),
        running_litert(has_litert(artifact) ? std::optional(steps->add("running model.tflite")) : std::nullopt),
        computing(steps->add("comparing every module")) {}
  const Step reading, waiting, binding;
  const std::optional<Step> running_litert;
  const Step computing;
};

Outcome compare(const CompareOptions& options, const ComparisonSteps& steps);

}  // namespace crossload::flow

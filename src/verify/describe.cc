#include "verify/describe.h"

#include <algorithm>
#include <cstdio>

namespace crossload::verify {
namespace {

std::string scientific(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.2e", value);
  return text;
}

/// Where the module is in PyTorch, and the line that calls it.
std::string place_in_pytorch(const StageReport& report) {
  if (report.class_name.empty()) return "";
  std::string text = " (" + report.class_name;
  if (!report.source.empty()) text += ", " + report.source;
  if (!report.caller.class_name.empty()) {
    text += "; called by " + report.caller.class_name;
    if (!report.caller.source.empty()) text += ", " + report.caller.source;
  }
  return text + ")";
}

std::string difference(const StageReport& report) {
  const Comparison& comparison = report.comparison;
  if (!comparison.mismatch.empty()) return "they differ in shape or type: " + comparison.mismatch;
  const Distances& distances = comparison.worst_is_padded ? comparison.padded : comparison.kept;
  std::string text = "max |TensorFlow - PyTorch| = " + scientific(distances.tf_to_pt) + " over " +
                     scientific(report.limit) + (comparison.worst_is_padded ? " at padded positions" : "") +
                     ", worst at " + to_string(comparison.worst_index) + ": TensorFlow " +
                     std::to_string(comparison.worst_tf) + ", PyTorch " + std::to_string(comparison.worst_pt);
  if (comparison.has_float64) {
    text += "; from float64 TensorFlow is " + scientific(distances.tf_to_float64) + ", PyTorch at most " +
            scientific(std::max(distances.pt_to_float64, distances.noise));
  }
  return text;
}

}  // namespace

std::string describe_divergence(const StageReport& report) {
  std::string text = report.full_name() + place_in_pytorch(report) + ": " + difference(report);
  if (!report.explanation) return text;
  if (const std::string place = report.explanation->place(); !place.empty()) text += "; in TensorFlow " + place;
  if (!report.explanation->hint.empty()) text += "; hint: " + report.explanation->hint;
  return text;
}

}  // namespace crossload::verify

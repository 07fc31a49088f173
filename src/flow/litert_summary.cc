#include "flow/litert_summary.h"

#include <algorithm>
#include <cstdio>
#include <map>

namespace crossload::flow {
namespace {

std::string printed(const char* format, double value) {
  char text[32];
  std::snprintf(text, sizeof(text), format, value);
  return text;
}

std::string describe(const verify::LitertOutput& output) {
  std::string line = "  " + output.name + ": " + printed("%.2e", output.max_error) + " from PyTorch's at most, " +
                     printed("%.2e", output.mean_error) + " on average, where the largest number is " +
                     printed("%.3g", output.largest);
  if (output.rows > 0) {
    line += "; " + std::to_string(output.changed) + " of " + std::to_string(output.rows) + " choices change";
  }
  return line;
}

/// Of all interpreters and inputs the furthest.
std::map<std::string, verify::LitertOutput> furthest(const std::vector<verify::LitertOutput>& outputs) {
  std::map<std::string, verify::LitertOutput> result;
  for (const verify::LitertOutput& output : outputs) {
    const auto [known, is_new] = result.emplace(output.name, output);
    if (!is_new && known->second.max_error < output.max_error) known->second = output;
  }
  return result;
}

}  // namespace

std::vector<std::string> describe_litert(const verify::LitertReport& report, bool verified) {
  const verify::LitertConversion& conversion = report.conversion;
  std::string line = "model.tflite: " + std::string(name_of(conversion.type)) + ", " +
                     printed("%.1f", static_cast<double>(conversion.bytes) / 1e6) + " MB";
  if (!conversion.converter.empty()) line += ", no select ops, by the converter of TensorFlow " + conversion.converter;
  if (!verified) return {line + "; not run"};
  std::string interpreters;
  for (const verify::LitertInterpreter& one : report.interpreters)
    interpreters += (interpreters.empty() ? "" : " and ") + one.name + " " + one.version;
  line += "; run by " + interpreters;
  std::vector<std::string> lines = {line};
  if (conversion.type == LitertType::kFloat32) {
    lines.push_back("  " + std::to_string(report.stages.size()) + " of the " + std::to_string(report.tensors_traced) +
                    " tensors that modules return are in it, and were compared");
    return lines;
  }
  for (const auto& [name, output] : furthest(report.outputs)) lines.push_back(describe(output));
  return lines;
}

}  // namespace crossload::flow

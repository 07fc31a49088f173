// What a run of the goldens found, kept in tests/goldens/verified/<x>.jsonl: one line a golden, one file a model type.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>

#include "bytes/json.h"
#include "checkpoint/config.h"
#include "verify/verification.h"

namespace crossload {

/// Two digits are enough to compare by, and the same on most machines.
inline double rounded(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1e", value);
  return std::strtod(text, nullptr);
}

/// golden    its name
/// class     in TensorFlow
/// modules   how many calls of modules were compared
/// tensors   that these and the model returned
/// worst     the tensor with the largest difference from PyTorch at positions that the attention mask keeps, and that
///           `error`; how far both frameworks are from PyTorch in float64 there
/// output    the largest such difference of the model's own outputs
/// relative  how many of the tensors are over 1e-5, so that they agree by the relative part of the rule alone
/// padded    how many are over 1e-5 at excluded positions, so that they agree by the rule for those alone
inline bytes::Json verified_line(const std::string& golden, const std::string& class_name,
                                 const verify::Verification& verification) {
  constexpr double kAbsolute = 1e-5;
  const verify::StageReport* worst = nullptr;
  double output = 0;
  int relative = 0;
  int padded = 0;
  for (const auto* reports : {&verification.stages, &verification.outputs}) {
    for (const verify::StageReport& report : *reports) {
      const verify::Comparison& comparison = report.comparison;
      if (worst == nullptr || comparison.kept.tf_to_pt > worst->comparison.kept.tf_to_pt) worst = &report;
      if (reports == &verification.outputs) output = std::max(output, comparison.kept.tf_to_pt);
      if (comparison.kept.tf_to_pt > kAbsolute) ++relative;
      if (comparison.has_padded && comparison.padded.tf_to_pt > kAbsolute) ++padded;
    }
  }
  bytes::Json line = bytes::Json::object();
  line.set("golden", golden);
  line.set("class", class_name);
  line.set("modules", verification.modules_compared);
  line.set("tensors", verification.stages.size() + verification.outputs.size());
  line.set("worst", worst == nullptr ? "" : worst->name);
  line.set("error", rounded(worst == nullptr ? 0 : worst->comparison.kept.tf_to_pt));
  line.set("tf_to_float64", rounded(worst == nullptr ? 0 : worst->comparison.kept.tf_to_float64));
  line.set("pt_to_float64", rounded(worst == nullptr ? 0 : worst->comparison.kept.pt_to_float64));
  line.set("output", rounded(output));
  line.set("relative", relative);
  line.set("padded", padded);
  return line;
}

/// Collects the lines of a run and brings the files up to date: goldens that did not run keep their line while there is
/// a recipe of their name.
class VerifiedRecord {
 public:
  void add(const std::string& model_type, const bytes::Json& line) {
    std::string name = model_type;
    std::replace(name.begin(), name.end(), '-', '_');
    lines_[name].insert_or_assign(line.at("golden").as_string(), line.dump());
  }

  void write(const std::filesystem::path& folder, const std::set<std::string>& recipes) {
    std::filesystem::create_directories(folder);
    for (auto& [name, lines] : lines_) {
      const std::filesystem::path path = folder / (name + ".jsonl");
      std::ifstream old(path);
      for (std::string line; std::getline(old, line);) {
        const std::string golden = bytes::Json::parse(line, path.string()).at("golden").as_string();
        if (recipes.contains(golden)) lines.emplace(golden, line);
      }
      old.close();
      std::ofstream file(path, std::ios::binary);
      for (const auto& [golden, line] : lines) file << line << '\n';
    }
  }

 private:
  std::map<std::string, std::map<std::string, std::string>> lines_;
};

}  // namespace crossload

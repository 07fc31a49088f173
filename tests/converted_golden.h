// A golden stands for a checkpoint and for its reference: it is converted against itself.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>

#include "crossload/convert.h"

namespace crossload {

/// Writes every format into `output`, and expects that all modules and all functions were compared and agree.
inline Outcome expect_converted(const std::filesystem::path& golden, const std::filesystem::path& output) {
  ConvertOptions options;
  options.model = golden;
  options.settings.reference = golden;
  options.output = output;
  Outcome result = convert(options);
  EXPECT_TRUE(result.agrees) << testing::PrintToString(result.findings);
  EXPECT_TRUE(result.written);
  EXPECT_TRUE(result.served);
  EXPECT_EQ(result.modules_compared, result.modules_traced);
  EXPECT_EQ(result.functions_run, result.functions);
  return result;
}

}  // namespace crossload

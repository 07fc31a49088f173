// Every fault of bench/faults/ is found where it was put, and docs/faults.md says so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <set>

#include "checkpoint/checkpoint.h"
#include "faults/fault.h"
#include "load/loaded_model.h"
#include "paths.h"
#include "test_files.h"

namespace crossload::faults {

void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.golden << ", " << fault.what; }

namespace {

namespace fs = std::filesystem;

const Bench& bench() {
  static const Bench made(goldens_folder().string());
  return made;
}

testing::AssertionResult is_in_document(const std::string& text) {
  static const std::string document = read_file(source_folder() / "docs" / "faults.md");
  if (document.find(text) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "docs/faults.md lacks \"" << text << "\"; run make bench-faults-table";
}

class EveryFault : public testing::TestWithParam<Fault> {};

TEST_P(EveryFault, IsFoundWhereItWasPut) {
  const Fault& fault = GetParam();
  const Finding finding = bench().run(fault);
  if (fault.reason.empty()) {
    EXPECT_TRUE(finding.detected);
    EXPECT_EQ(finding.first_divergence, fault.at);
  } else {
    EXPECT_FALSE(finding.located) << "it can be found; take its reason away";
    EXPECT_TRUE(is_in_document(fault.reason));
  }
  EXPECT_TRUE(is_in_document(table_line(fault, finding)));
}

std::string test_name(const testing::TestParamInfo<Fault>& info) {
  std::string name = info.param.golden + "_" + info.param.what;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Table, EveryFault, testing::ValuesIn(all_faults()), test_name);

TEST(Faults, AreOnEveryArchitecture) {
  std::map<std::string, int> faults;
  for (const Fault& fault : all_faults()) {
    if (is_traced(fault)) continue;
    const checkpoint::Checkpoint golden =
        checkpoint::Checkpoint::open(goldens_folder() / (fault.golden + ".safetensors"));
    ++faults[load::choose_class(golden.config()).architecture->model_type];
  }
  for (const keras::Architecture& architecture : models::registry()) {
    EXPECT_GE(faults[architecture.model_type], 3) << architecture.model_type << " has too few in bench/faults/";
  }
}

TEST(Faults, ThatChangeNothingAreErrors) {
  const Fault no_operation{.golden = "bert_model",
                           .what = "none",
                           .at = "",
                           .edits = {{"bert/nowhere", "Add", 0, [](const Made& made) { return made.tensor; }}}};
  EXPECT_ANY_THROW(bench().run(no_operation));
  const Fault no_variable{
      .golden = "bert_model", .what = "none", .at = "", .variables = [](const auto&, const auto&, auto) {}};
  EXPECT_ANY_THROW(bench().run(no_variable));
  const Fault no_field{.golden = "bert_model", .what = "none", .at = "", .config = {{"hidden_act", "gelu"}}};
  EXPECT_ANY_THROW(bench().run(no_field));
}

}  // namespace
}  // namespace crossload::faults

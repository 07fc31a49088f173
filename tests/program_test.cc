// The program as a user meets it: exit codes, and one line on stderr that says what went wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "goldens.h"
#include "paths.h"
#include "test_files.h"

namespace crossload {
namespace {

namespace fs = std::filesystem;

const std::string kGolden = small_golden_path("bert").string();

struct Outcome {
  int code;
  std::string out;
  std::string err;
};

Outcome run(const std::string& arguments, const std::string& environment = "") {
  const TemporaryFolder folder;
  const std::string out = (folder.path() / "out").string();
  const std::string err = (folder.path() / "err").string();
  const std::string command = environment + " " + crossload_program().string() + " " + arguments + " >" + out + " 2>" + err;
  const int status = std::system(command.c_str());
  return {WEXITSTATUS(status), read_file(out), read_file(err)};
}

/// The code, and a last line of stderr that is the program's one line of explanation.
void expect_failure(const Outcome& outcome, int code, const std::string& text) {
  EXPECT_EQ(outcome.code, code) << outcome.err;
  const std::size_t begin = outcome.err.find("crossload: ");
  ASSERT_NE(begin, std::string::npos) << outcome.err;
  EXPECT_THAT(outcome.err.substr(begin), testing::HasSubstr(text));
  EXPECT_EQ(std::count(outcome.err.begin() + static_cast<std::ptrdiff_t>(begin), outcome.err.end(), '\n'), 1)
      << outcome.err;
}

TEST(Program, HelpAndVersion) {
  const Outcome help = run("--help");
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.out, testing::AllOf(testing::HasSubstr("pt-to-tf"), testing::HasSubstr("Exit codes")));
  EXPECT_EQ(run("--version").code, 0);
  EXPECT_THAT(run("pt-to-tf --help").out,
              testing::AllOf(testing::HasSubstr("--max-error"), testing::HasSubstr("--override-model-class")));
}

TEST(Program, EveryCommandHasAnExampleOfItsOwn) {
  for (const std::string command : {"pt-to-tf", "compare", "verify-certificate", "record", "list", "add-new-model",
                                    "check", "inspect", "login", "logout", "whoami"}) {
    const std::string help = run(command + " --help").out;
    const std::size_t examples = help.find("\nExample");
    ASSERT_NE(examples, std::string::npos) << help;
    EXPECT_THAT(help.substr(examples), testing::HasSubstr("\n  crossload " + command)) << command;
  }
}

TEST(Program, ListNamesEveryHead) {
  const Outcome plain = run("list");
  EXPECT_EQ(plain.code, 0);
  EXPECT_THAT(plain.out,
              testing::AllOf(testing::HasSubstr("TFBertForMaskedLM"), testing::HasSubstr("TFAutoModelForMaskedLM")));
  EXPECT_THAT(plain.out, testing::ContainsRegex("goldens, worst [0-9]\\.[0-9]e-0[6-9] in "));
  EXPECT_THAT(run("list --markdown").out, testing::StartsWith("| model_type |"));
  EXPECT_THAT(run("list --goldens").out, testing::HasSubstr("\nbert_model "));
}

TEST(Program, Inspect) {
  const Outcome outcome = run("inspect " + kGolden);
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.out, testing::HasSubstr("weight.pooler.dense.weight"));
  expect_failure(run("inspect /no/such/file"), 3, "/no/such/file: no such file or folder");
}

TEST(Program, WrongUsageIsTwo) {
  expect_failure(run(""), 2, "subcommand");
  expect_failure(run("pt-to-tf"), 2, "--model-name is required");
  expect_failure(run("pt-to-tf --model-name x --no-such-flag"), 2, "--no-such-flag");
  expect_failure(run("pt-to-tf --model-name " + kGolden + " --formats h6"), 2, "none of h5, safetensors, saved_model");
  expect_failure(run("pt-to-tf --model-name " + kGolden + " --max-error=-1"), 2, "--max-error");
  expect_failure(run("pt-to-tf --model-name " + kGolden + " --max-shard-size 10XB"), 2, "10XB");
}

TEST(Program, BadInputIsThree) {
  const TemporaryFolder folder;
  expect_failure(run("pt-to-tf --model-name /no/such/model"), 3, "/no/such/model");
  write_file(folder.path() / "config.json", "{");
  expect_failure(run("pt-to-tf --model-name " + folder.path().string()), 3, "not valid JSON");
  write_file(folder.path() / "config.json", R"({"model_type": "bert"})");
  expect_failure(run("pt-to-tf --model-name " + folder.path().string()), 3, "model.safetensors");
}

TEST(Program, UnsupportedIsFour) {
  const TemporaryFolder folder;
  fs::copy_file(kGolden, folder.path() / "model.safetensors");
  write_file(folder.path() / "config.json", R"({"model_type": "brand_new"})");
  expect_failure(run("pt-to-tf --model-name " + folder.path().string()), 4, "supported are ");
  expect_failure(run("pt-to-tf --override-model-class TFBertForX --model-name " + kGolden), 4, "TFBertForMaskedLM");
  expect_failure(run("pt-to-tf --push --model-name " + kGolden), 4, "--push");
}

TEST(Program, AMissingEnvironmentIsFive) {
  const TemporaryFolder folder;
  const std::string job = "pt-to-tf --model-name " + kGolden + " --output " + (folder.path() / "out").string();
  expect_failure(run(job + " --tensorflow /no/such/place"), 5, "pip install tensorflow-cpu");
  expect_failure(run(job + " --formats h5 --python /no/such/python"), 5, "/no/such/python");
  expect_failure(run(job, "CROSSLOAD_TENSORFLOW=/no/such/place"), 5, "CROSSLOAD_TENSORFLOW");
  EXPECT_FALSE(fs::exists(folder.path() / "out"));
}

TEST(Program, AgreementIsZeroAndDisagreementIsOne) {
  const TemporaryFolder folder;
  const std::string job =
      "pt-to-tf --reference " + kGolden + " --model-name " + kGolden + " --output " + (folder.path() / "out").string();
  const Outcome disagrees = run(job + " --max-error 1e-9 --strict");
  EXPECT_EQ(disagrees.code, 1) << disagrees.err;
  EXPECT_THAT(disagrees.out, testing::AllOf(testing::HasSubstr("first divergence: "), testing::HasSubstr("DISAGREES"),
                                            testing::HasSubstr("nothing written")));
  EXPECT_FALSE(fs::exists(folder.path() / "out"));
  const Outcome agrees = run(job);
  EXPECT_EQ(agrees.code, 0) << agrees.err;
  EXPECT_THAT(agrees.out, testing::AllOf(testing::HasSubstr("modules compared"), testing::HasSubstr("AGREES")));
  EXPECT_THAT(agrees.err, testing::HasSubstr("[1/8] reading "));
  const Outcome compared = run("compare " + (folder.path() / "out").string() + " --reference " + kGolden);
  EXPECT_EQ(compared.code, 0) << compared.err;
}

}  // namespace
}  // namespace crossload

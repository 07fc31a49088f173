// model.tflite: written by TensorFlow's converter, run by LiteRT's interpreters, held against PyTorch.
#include "verify/litert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

#include "bytes/json.h"
#include "checkpoint/checkpoint.h"
#include "crossload/convert.h"
#include "crossload/error.h"
#include "export/saved_model_graph.h"
#include "goldens.h"
#include "load/loaded_model.h"
#include "tensorflow_library.h"
#include "test_files.h"
#include "test_support.h"
#include "verify/trace.h"

namespace crossload {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::HasSubstr;
using testing::StartsWith;

ConvertOptions options_for(const std::string& recipe, const fs::path& output, LitertType type = LitertType::kFloat32) {
  ConvertOptions options;
  options.model = golden_path(recipe);
  options.settings.reference = options.model;
  options.output = output;
  options.formats = {Format::kLitert};
  options.litert.type = type;
  return options;
}

bytes::Json litert_of(const Outcome& outcome) {
  return bytes::Json::parse(outcome.certificate, "certificate").at("litert");
}

/// The values of a tensor of the checkpoint in a file, made others.
void spoil(const fs::path& file, const verify::Trace& golden, const std::string& tensor) {
  std::string bytes = read_file(file);
  const tensor::TensorView* view = golden.find(tensor);
  ASSERT_NE(view, nullptr) << tensor;
  const std::string_view values(reinterpret_cast<const char*>(view->bytes.data()), view->bytes.size());
  const std::size_t at = bytes.find(values);
  ASSERT_NE(at, std::string::npos) << tensor << " is not in the file as it was";
  for (std::size_t i = 0; i < values.size() / sizeof(float); ++i) {
    const float wrong = 0.25F;
    std::memcpy(&bytes[at + i * sizeof(float)], &wrong, sizeof(float));
  }
  write_file(file, bytes);
}

TEST(Litert, AgreesInEveryOutputAndInTheModulesThatItStillHas) {
  const TemporaryFolder folder;
  const Outcome outcome = convert(options_for("bert_for_masked_lm", folder.path() / "out"));
  EXPECT_TRUE(outcome.agrees) << testing::PrintToString(outcome.findings);
  EXPECT_THAT(outcome.files, Contains("model.tflite"));
  EXPECT_THAT(outcome.files, testing::Not(Contains(StartsWith("saved_model"))));
  const bytes::Json litert = litert_of(outcome);
  EXPECT_EQ(litert.at("verdict").as_string(), "agrees");
  EXPECT_EQ(litert.at("interpreters").size(), 2U);
  EXPECT_EQ(litert.at("functions").size(), 2U);
  // What has the name of a module's last operation in the file is more than half of all.
  EXPECT_GT(2 * litert.at("stages").size(), static_cast<std::size_t>(litert.at("tensors_traced").as_integer()));
  EXPECT_GT(litert.at("operators").at("FULLY_CONNECTED").as_integer(), 0);
  EXPECT_TRUE(litert.at("made_of").at("FULLY_CONNECTED").contains("BiasAdd + MatMul"));

  // A fault in the file itself is found in the module that has it.
  const fs::path golden = golden_path("bert_for_masked_lm");
  const fs::path file = folder.path() / "out" / "model.tflite";
  const verify::Trace trace = verify::Trace::open(golden);
  spoil(file, trace, "weight.bert.encoder.layer.1.intermediate.dense.bias");
  const auto checkpoint = checkpoint::Checkpoint::open(golden);
  const load::LoadedModel loaded = load::load_from_pytorch(checkpoint, load::choose_class(checkpoint, ""));
  const exporting::ServedStages served = exporting::served_stages(tf::library(), *loaded.model, *loaded.weights);
  const verify::LitertProcess process("", folder.path());
  const verify::LitertRuns runs = process.run(file, golden, &served, 1, [](const std::string&) {});
  verify::LitertConversion conversion;
  conversion.signatures = {"serving_default"};
  const verify::LitertReport report = verify::judge_litert(conversion, runs, served, trace, {}, std::nullopt);
  EXPECT_EQ(report.verdict(), verify::Verdict::kDisagrees);
  ASSERT_NE(report.first_divergence(), nullptr);
  EXPECT_EQ(report.first_divergence()->path, "bert.encoder.layer.1.intermediate.dense");
}

TEST(Litert, StandsBesideTheOtherFormats) {
  const TemporaryFolder folder;
  ConvertOptions options = options_for("t5_for_conditional_generation", folder.path() / "out");
  options.formats = {Format::kH5, Format::kSavedModel, Format::kLitert};
  const Outcome outcome = convert(options);
  EXPECT_TRUE(outcome.agrees) << testing::PrintToString(outcome.findings);
  EXPECT_THAT(outcome.files, testing::IsSupersetOf({"model.tflite", "tf_model.h5", "saved_model/saved_model.pb"}));
  EXPECT_EQ(outcome.functions_run, outcome.functions);
}

TEST(Litert, Float16IsMeasured) {
  const TemporaryFolder folder;
  const Outcome outcome =
      convert(options_for("bert_for_sequence_classification", folder.path() / "out", LitertType::kFloat16));
  EXPECT_TRUE(outcome.agrees) << testing::PrintToString(outcome.findings);
  const bytes::Json output = litert_of(outcome).at("outputs").at(0);
  EXPECT_EQ(output.at("name").as_string(), "serving_default.logits");
  EXPECT_GT(output.at("max_error").as_number(), 0);
  EXPECT_LE(output.at("mean_error").as_number(), output.at("max_error").as_number());
  EXPECT_GT(output.at("rows").as_integer(), 0);
  EXPECT_THAT(outcome.litert, Contains(HasSubstr("serving_default.logits: ")));
}

TEST(Litert, Int8DisagreesOverTheErrorThatTheUserChose) {
  const TemporaryFolder folder;
  ConvertOptions options = options_for("bert_for_masked_lm", folder.path() / "out", LitertType::kInt8);
  options.litert.max_error = 1e-6;
  const Outcome outcome = convert(options);
  EXPECT_FALSE(outcome.agrees);
  EXPECT_FALSE(outcome.written);
  EXPECT_THAT(outcome.findings,
              Contains(testing::AllOf(HasSubstr("serving_default.logits"), HasSubstr("--max-error"))));
  EXPECT_GT(litert_of(outcome).at("outputs").at(0).at("max_error").as_number(), 1e-6);
}

TEST(Litert, APythonWithoutTheConverterIsNamed) {
  const TemporaryFolder folder;
  ConvertOptions options = options_for("bert_model", folder.path() / "out");
  const fs::path python = folder.path() / "python";
  write_file(python, "#!/bin/sh\nexec python3 -S \"$@\"\n");  // -S: without installed packages
  fs::permissions(python, fs::perms::owner_all);
  options.settings.python = python;
  EXPECT_ERROR(convert(options), ErrorKind::kEnvironment, "has no TensorFlow");
  EXPECT_FALSE(fs::exists(folder.path() / "out"));
}

}  // namespace
}  // namespace crossload

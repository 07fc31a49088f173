// model.tflite: written by TensorFlow's converter, run by LiteRT's interpreters, held against PyTorch.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

#include "bytes/json.h"
#include "crossload/compare.h"
#include "crossload/convert.h"
#include "crossload/error.h"
#include "crossload/verify_certificate.h"
#include "forged_certificate.h"
#include "goldens.h"
#include "tensor/integers.h"
#include "test_files.h"
#include "test_support.h"
#include "verify/trace.h"

namespace crossload {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;
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

/// "ai_edge_litert serving_default.logits" of each output that was measured.
std::vector<std::string> measured(const bytes::Json& outputs) {
  std::vector<std::string> names;
  for (const bytes::Json& output : outputs.elements())
    names.push_back(output.at("interpreter").as_string() + " " + output.at("name").as_string());
  return names;
}

/// How many positions a golden's mask keeps.
std::int64_t kept_tokens(const fs::path& golden) {
  const verify::Trace trace = verify::Trace::open(golden);
  const tensor::TensorView& mask = trace.inputs().at("attention_mask");
  std::int64_t kept = 0;
  const std::size_t width = size_of(mask.dtype);
  for (std::size_t at = 0; at < mask.bytes.size(); at += width) kept += tensor::integer_at(mask.dtype, &mask.bytes[at]);
  return kept;
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
}

/// An artifact of a golden that has model.tflite, and what becomes of it when the file is changed.
class ChangedFile : public testing::Test {
 protected:
  fs::path artifact() const { return folder_.path() / "out"; }

  void convert_golden(const std::string& recipe, LitertType type, const std::set<Format>& formats) {
    golden_ = golden_path(recipe);
    ConvertOptions options = options_for(recipe, artifact(), type);
    options.formats = formats;
    converted_ = convert(options);
    ASSERT_TRUE(converted_.written) << testing::PrintToString(converted_.findings);
  }

  /// All values of a weight become others.
  void spoil_weight(const std::string& tensor) const {
    spoil(artifact() / "model.tflite", verify::Trace::open(golden_), "weight." + tensor);
  }

  Outcome compared() const {
    CompareOptions options{.artifact = artifact()};
    options.settings.reference = golden_;
    return compare(options);
  }

  /// The checks of a replay that fail, "replay: litert: is not what ...". `with_checkpoint`: of which it can be made.
  std::vector<std::string> failures_of_replay(bool with_checkpoint) const {
    VerifyCertificateOptions options{.artifact = artifact(), .replay = true, .reference = golden_};
    if (with_checkpoint) options.checkpoint = golden_;
    std::vector<std::string> failures;
    for (const CertificateCheck& check : verify_certificate(options).checks) {
      if (!check.holds()) failures.push_back(check.subject + ": " + check.detail);
    }
    return failures;
  }

  const Outcome& converted() const { return converted_; }

 private:
  TemporaryFolder folder_;
  fs::path golden_;
  Outcome converted_;
};

TEST_F(ChangedFile, IsFoundByCompareInTheModuleThatHasIt) {
  convert_golden("bert_for_masked_lm", LitertType::kFloat32, {Format::kH5, Format::kLitert});
  const Outcome same = compared();
  EXPECT_TRUE(same.agrees) << testing::PrintToString(same.findings);
  EXPECT_EQ(litert_of(same).at("stages").dump(), litert_of(converted()).at("stages").dump());
  EXPECT_EQ(litert_of(same).at("outputs").dump(), litert_of(converted()).at("outputs").dump());

  spoil_weight("bert.embeddings.position_embeddings.weight");
  const Outcome changed = compared();
  EXPECT_FALSE(changed.agrees);
  EXPECT_THAT(changed.findings, Contains(AllOf(HasSubstr("first divergence in model.tflite"),
                                               HasSubstr("bert.embeddings.position_embeddings"))));
}

TEST_F(ChangedFile, IsFoundByReplayWhereItIsTheOnlyFormat) {
  convert_golden("bert_for_sequence_classification", LitertType::kFloat32, {Format::kLitert});
  EXPECT_THAT(failures_of_replay(/*with_checkpoint=*/true), IsEmpty());
  spoil_weight("classifier.bias");
  EXPECT_THAT(failures_of_replay(true), ElementsAre(HasSubstr("SHA-256")));
  forge_certificate(artifact(), "model.tflite");
  EXPECT_THAT(failures_of_replay(true),
              IsSupersetOf({HasSubstr("replay: litert: is not what the converter of TensorFlow"),
                            HasSubstr("replay: model.tflite: certified to agree, now it disagrees")}));
  EXPECT_THAT(failures_of_replay(false), Contains(HasSubstr("replay: verdict: certified is \"agrees\"")));
}

TEST_F(ChangedFile, IsFoundInARoundedModelByItsCertifiedErrors) {
  convert_golden("bert_for_sequence_classification", LitertType::kInt8, {Format::kLitert});
  EXPECT_THAT(failures_of_replay(true), IsEmpty());
  spoil_weight("classifier.bias");
  forge_certificate(artifact(), "model.tflite");
  EXPECT_THAT(failures_of_replay(false),
              ElementsAre(AllOf(HasSubstr("replay: model.tflite: is another model: serving_default.logits"),
                                HasSubstr("certified "))));
  EXPECT_THAT(failures_of_replay(true), Contains(HasSubstr("replay: litert: is not what the converter")));
}

TEST(Litert, WithoutWhatItWasMadeOfTheCheckpointIsAskedFor) {
  const TemporaryFolder folder;
  write_file(folder.path() / "model.tflite", "");
  EXPECT_ERROR(compare({.artifact = folder.path()}), ErrorKind::kUsage,
               "name the PyTorch checkpoint with --model-name");
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
  const bytes::Json outputs = litert_of(outcome).at("outputs");
  EXPECT_EQ(measured(outputs),
            (std::vector<std::string>{"ai_edge_litert serving_default.logits", "tf.lite serving_default.logits"}));
  const std::int64_t batch =
      verify::Trace::open(golden_path("bert_for_sequence_classification")).inputs().at("input_ids").shape[0];
  for (const bytes::Json& output : outputs.elements()) {
    EXPECT_GT(output.at("max_error").as_number(), 0);
    EXPECT_LE(output.at("mean_error").as_number(), output.at("max_error").as_number());
    EXPECT_EQ(output.at("rows").as_integer(), batch);  // one class an input
    EXPECT_LE(output.at("changed").as_integer(), batch);
  }
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
  const bytes::Json output = litert_of(outcome).at("outputs").at(0);
  EXPECT_GT(output.at("max_error").as_number(), 1e-6);
  EXPECT_EQ(output.at("rows").as_integer(), kept_tokens(options.model));
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

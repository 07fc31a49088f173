// The whole flow on a golden: write, read back, compare, put in place.
#include "crossload/convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "bytes/digest.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint_folder.h"
#include "crossload/auto_model.h"
#include "crossload/compare.h"
#include "crossload/error.h"
#include "crossload/inspect.h"
#include "goldens.h"
#include "test_support.h"
#include "verify/trace.h"

namespace crossload {
namespace {

namespace fs = std::filesystem;

const fs::path kGolden = golden_path("bert_for_masked_lm");

ConvertOptions options_for(const fs::path& output) {
  ConvertOptions options;
  options.model = kGolden;
  options.settings.reference = kGolden;
  options.output = output;
  return options;
}

/// A copy of the golden with one byte of a tensor changed.
fs::path with_changed_tensor(const std::string& tensor, const fs::path& copy) {
  const verify::Trace trace = verify::Trace::open(kGolden);
  fs::copy_file(kGolden, copy);
  const std::string whole = read_file(kGolden);
  const tensor::TensorView* view = trace.find(tensor);
  const std::string_view bytes(reinterpret_cast<const char*>(view->bytes.data()), view->bytes.size());
  const std::size_t offset = whole.find(bytes);
  std::fstream file(copy, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(offset));
  const float wrong = 1234.5F;
  file.write(reinterpret_cast<const char*>(&wrong), sizeof(wrong));
  return copy;
}

/// The largest difference of the outputs from those of the golden, where the mask keeps.
void expect_outputs_of_golden(const NamedArrays& outputs) {
  const verify::Trace trace = verify::Trace::open(kGolden);
  const std::vector<float> logits = outputs.at("logits").floats();
  const tensor::TensorView* expected = trace.find("output.logits");
  ASSERT_EQ(outputs.at("logits").shape(), expected->shape);
  for (std::size_t i = 0; i < logits.size(); ++i) {
    float value = 0;
    std::memcpy(&value, expected->bytes.data() + i * sizeof(value), sizeof(value));
    EXPECT_NEAR(logits[i], value, 1e-5F) << i;
  }
}

NamedArrays inputs_of_golden() {
  NamedArrays inputs;
  const verify::Trace trace = verify::Trace::open(kGolden);
  for (const auto& [name, view] : trace.inputs()) {
    std::vector<std::int64_t> values(view.bytes.size() / sizeof(std::int64_t));
    std::memcpy(values.data(), view.bytes.data(), view.bytes.size());
    inputs.emplace(name, Array::of(view.shape, values));
  }
  return inputs;
}

TEST(Convert, WritesEveryFormatAndAgrees) {
  const TemporaryFolder folder;
  const Outcome result = convert(options_for(folder.path() / "out"));
  EXPECT_TRUE(result.agrees);
  EXPECT_TRUE(result.written);
  EXPECT_TRUE(result.served);
  EXPECT_EQ(result.modules_compared, result.modules_traced);
  EXPECT_EQ(result.tensorflow_class, "TFBertForMaskedLM");
  EXPECT_THAT(result.files, testing::IsSupersetOf({"config.json", "crossload.json", "model.safetensors", "tf_model.h5",
                                                   "saved_model/saved_model.pb"}));
  const bytes::Json certificate =
      bytes::Json::parse(read_file(folder.path() / "out" / "crossload.json"), "crossload.json");
  EXPECT_EQ(certificate.at("verdict").as_string(), "agrees");
  EXPECT_TRUE(certificate.at("first_divergence").is_null());
  EXPECT_EQ(certificate.at("read_back").size(), 3U);
  // Nothing but the target and its lock is left beside it.
  for (const fs::directory_entry& entry : fs::directory_iterator(folder.path())) {
    EXPECT_THAT(entry.path().filename().string(), testing::AnyOf("out", testing::EndsWith("-lock")));
  }
}

TEST(Convert, KeepsWeightsThatAreThereUnlessToldOtherwise) {
  const TemporaryFolder folder;
  ConvertOptions options = options_for(folder.path() / "out");
  options.formats = {Format::kH5};
  options.verify = false;
  EXPECT_TRUE(convert(options).written);
  EXPECT_ERROR(convert(options), ErrorKind::kUsage, "--new-weights");
  options.new_weights = true;
  EXPECT_TRUE(convert(options).written);
}

TEST(Convert, NeverReplacesThePyTorchWeights) {
  const TemporaryFolder folder;
  make_checkpoint(folder.path(), "bert_for_masked_lm");
  const std::string before = bytes::sha256_of_file(folder.path() / "model.safetensors");
  ConvertOptions options = options_for(folder.path());
  options.model = folder.path();
  options.verify = false;
  options.formats = {Format::kSafetensors};
  EXPECT_ERROR(convert(options), ErrorKind::kUsage, "PyTorch's model.safetensors");
  options.formats = {Format::kH5};
  EXPECT_TRUE(convert(options).written);
  EXPECT_EQ(bytes::sha256_of_file(folder.path() / "model.safetensors"), before);
}

TEST(Convert, ADisagreementIsLocatedAndNothingIsWritten) {
  const TemporaryFolder folder;
  ConvertOptions options = options_for(folder.path() / "out");
  options.model =
      with_changed_tensor("weight.bert.encoder.layer.1.intermediate.dense.weight", folder.path() / "x.safetensors");
  options.settings.json = folder.path() / "certificate.json";
  const Outcome result = convert(options);
  EXPECT_FALSE(result.agrees);
  EXPECT_FALSE(result.written);
  EXPECT_FALSE(fs::exists(options.output));
  const bytes::Json certificate = bytes::Json::parse(read_file(options.settings.json), "certificate.json");
  EXPECT_EQ(certificate.at("verdict").as_string(), "disagrees");
  EXPECT_EQ(certificate.at("first_divergence").at("path").as_string(), "bert.encoder.layer.1.intermediate.dense");
  EXPECT_GT(certificate.at("first_divergence").at("max_error").as_number(), 1.0);
}

TEST(Convert, AWrongOutputOfTheReferenceIsADisagreement) {
  const TemporaryFolder folder;
  ConvertOptions options = options_for(folder.path() / "out");
  options.settings.reference = with_changed_tensor("output.logits", folder.path() / "x.safetensors");
  const Outcome result = convert(options);
  EXPECT_FALSE(result.agrees);
  EXPECT_THAT(result.findings, testing::Contains(testing::HasSubstr("output.logits")));
}

/// What `compare` says of an artifact made from a changed checkpoint or configuration.
Outcome compare_with_golden(const fs::path& artifact) {
  CompareOptions options;
  options.artifact = artifact;
  options.settings.reference = kGolden;
  return compare(options);
}

TEST(Compare, ASoundArtifactAgrees) {
  const TemporaryFolder folder;
  ConvertOptions options = options_for(folder.path() / "out");
  options.verify = false;
  convert(options);
  const Outcome result = compare_with_golden(options.output);
  EXPECT_TRUE(result.agrees);
  EXPECT_TRUE(result.served);
  EXPECT_THAT(result.findings, testing::IsEmpty());
}

TEST(Compare, AWrongVariableIsNamedAndLocated) {
  const TemporaryFolder folder;
  ConvertOptions options = options_for(folder.path() / "out");
  options.model =
      with_changed_tensor("weight.bert.encoder.layer.0.output.LayerNorm.bias", folder.path() / "x.safetensors");
  options.verify = false;
  convert(options);
  const Outcome result = compare_with_golden(options.output);
  EXPECT_FALSE(result.agrees);
  ASSERT_EQ(result.findings.size(), 6U) << testing::PrintToString(result.findings);
  EXPECT_THAT(result.findings[0],
              testing::AllOf(testing::HasSubstr("binding: bert/encoder/layer_._0/output/LayerNorm/beta"),
                             testing::HasSubstr("one element differs: [0] is 1234.5")));
  EXPECT_THAT(result.findings[1], testing::HasSubstr("first divergence: bert.encoder.layer.0.output.LayerNorm"));
  EXPECT_THAT(result.findings[2], testing::StartsWith("cell call:attention_mask+input_ids "));
  EXPECT_THAT(result.findings[3], testing::StartsWith("cell call:attention_mask+input_ids+position_ids"));
  EXPECT_THAT(result.findings[3], testing::Not(testing::HasSubstr(": cell ")));  // its name is said once
}

TEST(Compare, AWrongConfigurationIsNamed) {
  const TemporaryFolder folder;
  ConvertOptions options = options_for(folder.path() / "out");
  options.verify = false;
  convert(options);
  std::string config = read_file(options.output / "config.json");
  const std::string field = "\"hidden_act\": \"gelu\"";
  ASSERT_NE(config.find(field), std::string::npos);
  config.replace(config.find(field), field.size(), "\"hidden_act\": \"relu\"");
  write_file(options.output / "config.json", config);
  const Outcome result = compare_with_golden(options.output);
  EXPECT_FALSE(result.agrees);
  EXPECT_THAT(result.findings, testing::IsSupersetOf({std::string(
                                   "configuration: hidden_act is \"relu\" in the artifact, \"gelu\" in PyTorch")}));
  EXPECT_THAT(
      result.findings,
      testing::Contains(testing::HasSubstr("first divergence: bert.encoder.layer.0.intermediate.intermediate_act_fn")));
}

TEST(AutoModel, FromPyTorchCallsAsTheGoldenSays) {
  const TFPreTrainedModel model = TFAutoModelForMaskedLM::from_pretrained(kGolden, {.from_pt = true});
  EXPECT_EQ(model.class_name(), "TFBertForMaskedLM");
  expect_outputs_of_golden(model(inputs_of_golden()));
  const NamedArrays outputs = model(inputs_of_golden(), {.output_attentions = true, .output_hidden_states = true});
  EXPECT_THAT(outputs, testing::Contains(testing::Key("hidden_states.2")));
  EXPECT_THAT(outputs, testing::Contains(testing::Key("attentions.1")));
}

TEST(AutoModel, EveryArtifactLoadsAgain) {
  const TemporaryFolder folder;
  const TFPreTrainedModel model = TFAutoModelForMaskedLM::from_pretrained(kGolden, {.from_pt = true});
  for (const Format format : {Format::kH5, Format::kSafetensors, Format::kSavedModel}) {
    const fs::path target = folder.path() / std::to_string(static_cast<int>(format));
    model.save_pretrained(target, {.formats = {format}});
    const TFPreTrainedModel again = TFAutoModelForMaskedLM::from_pretrained(target);
    EXPECT_EQ(again.variable_names(), model.variable_names());
    expect_outputs_of_golden(again(inputs_of_golden()));
  }
}

TEST(AutoModel, TrainingDropsOut) {
  const TFPreTrainedModel model = TFAutoModelForMaskedLM::from_pretrained(kGolden, {.from_pt = true});
  const NamedArrays inputs = inputs_of_golden();
  EXPECT_EQ(model(inputs).at("logits").floats(), model(inputs).at("logits").floats());
  EXPECT_NE(model(inputs, {.training = true}).at("logits").floats(),
            model(inputs, {.training = true}).at("logits").floats());
}

TEST(AutoModel, TheBaseModelOfAHeadsCheckpoint) {
  const fs::path classifier = golden_path("bert_for_sequence_classification");
  const TFPreTrainedModel model = TFAutoModel::from_pretrained(classifier, {.from_pt = true});
  EXPECT_EQ(model.class_name(), "TFBertModel");
  EXPECT_THAT(model(inputs_of_golden()), testing::Contains(testing::Key("pooler_output")));
}

TEST(AutoModel, ErrorsSayWhatThereIs) {
  EXPECT_ERROR(TFAutoModelForSequenceClassification::from_pretrained(kGolden, {.from_pt = true}), ErrorKind::kBadInput,
               "classifier.weight");
  const TFPreTrainedModel model = TFAutoModelForMaskedLM::from_pretrained(kGolden, {.from_pt = true});
  const std::vector<std::int32_t> ids = {1, 2};
  EXPECT_ERROR(model({{"input_idz", Array::of({1, 2}, ids)}}), ErrorKind::kUsage, "input_ids, attention_mask");
  EXPECT_ERROR(model({}), ErrorKind::kUsage, "input_ids");
}

TEST(Inspect, EveryArtifact) {
  const TemporaryFolder folder;
  ConvertOptions options = options_for(folder.path() / "out");
  options.verify = false;
  convert(options);
  for (const char* name :
       {"tf_model.h5", "model.safetensors", "saved_model", "saved_model/variables/variables.index"}) {
    EXPECT_EQ(inspect(options.output / name).tensors.size(), 42U) << name;
  }
  EXPECT_ERROR(inspect(options.output / "config.json"), ErrorKind::kUnsupported, "its kind is not known");
}

}  // namespace
}  // namespace crossload

// Every architecture against PyTorch: the goldens under tests/goldens/. A new model needs no line here, a file there.
// With CROSSLOAD_RECORD=1, what the goldens gave is written to tests/goldens/verified/.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <set>

#include "checkpoint/safetensors.h"
#include "loaded_model.h"
#include "verified_record.h"
#include "verify/describe.h"

namespace crossload {
namespace {

namespace fs = std::filesystem;

const fs::path kGoldens = fs::path(CROSSLOAD_SOURCE_DIR) / "tests" / "goldens";

std::shared_ptr<const tf::Library> library() {
  static const auto opened = tf::Library::open();
  return opened;
}

/// The goldens of models, by name.
std::vector<std::string> golden_names() {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(kGoldens)) {
    if (entry.path().extension() != ".safetensors") continue;
    if (SafetensorsFile::open(entry.path()).metadata().contains("class")) names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

fs::path golden_path(const std::string& name) { return kGoldens / (name + ".safetensors"); }

/// Reads variables from the checkpoint, as an artifact would hold them.
void read_from_source(const keras::Variable& variable, std::span<float> out) {
  keras::read_rows(variable, 0, row_count(variable.shape), out);
}

verify::Verification verify_golden(const std::string& name, const verify::ReadVariable& read) {
  const Checkpoint checkpoint = Checkpoint::open(golden_path(name));
  const LoadedModel loaded = load_from_pytorch(checkpoint, choose_class(checkpoint.config()));
  const verify::Trace trace = verify::Trace::open(golden_path(name));
  const verify::Observation observation =
      verify::observe(library(), verify::RunOptions{}, *loaded.model, *loaded.weights, read, trace.inputs());
  return verify::verify(trace, observation, {}, verify::Tolerances{}, &*loaded.weights);
}

/// One line a tensor that is off, and where it begins; a line for the worst when none is.
void print(const verify::Verification& verification) {
  const auto line = [](const verify::StageReport& report) {
    std::printf("%-56s | %9.2e | %s\n", report.name.c_str(), report.comparison.kept.tf_to_pt,
                report.agrees() ? "ok" : "OFF");
  };
  const verify::StageReport* worst = nullptr;
  for (const auto* reports : {&verification.stages, &verification.outputs}) {
    for (const verify::StageReport& report : *reports) {
      if (!report.agrees()) line(report);
      if (worst == nullptr || report.comparison.kept.tf_to_pt > worst->comparison.kept.tf_to_pt) worst = &report;
    }
  }
  if (verification.agrees() && worst != nullptr) line(*worst);
  if (const verify::StageReport* first = verification.first_divergence(); first != nullptr) {
    std::printf("first divergence: %s\n", verify::describe_divergence(*first).c_str());
  }
}

class Golden : public testing::TestWithParam<std::string> {
 protected:
  static void TearDownTestSuite() {
    if (std::getenv("CROSSLOAD_RECORD") != nullptr) record.write(kGoldens);
  }

  static inline VerifiedRecord record;
};

TEST_P(Golden, AgreesAtEveryModule) {
  const verify::Verification verification = verify_golden(GetParam(), read_from_source);
  print(verification);
  EXPECT_TRUE(verification.agrees());
  EXPECT_EQ(verification.modules_compared, verification.modules_traced);
  EXPECT_GT(verification.modules_traced, 0U);
  EXPECT_THAT(verification.not_compared, testing::IsEmpty());
  if (!verification.agrees()) return;
  const ModelClass model_class = choose_class(Checkpoint::open(golden_path(GetParam())).config());
  record.add(model_class.architecture->model_type, verified_line(GetParam(), model_class.head->name, verification));
}

INSTANTIATE_TEST_SUITE_P(Models, Golden, testing::ValuesIn(golden_names()),
                         [](const auto& parameter) { return parameter.param; });

TEST(Models, EveryClassHasAGolden) {
  std::set<std::string> covered;
  for (const std::string& name : golden_names()) {
    covered.insert("TF" + SafetensorsFile::open(golden_path(name)).metadata().at("class"));
  }
  for (const keras::Architecture& architecture : models::registry()) {
    for (const keras::Head& head : architecture.heads) {
      EXPECT_TRUE(covered.contains(head.name)) << head.name << " has no golden; add a recipe to tests/goldens/"
                                               << architecture.model_type << ".json and run make goldens";
    }
  }
}

TEST(Models, GoldensStaySmall) {
  for (const std::string& name : golden_names()) EXPECT_LT(fs::file_size(golden_path(name)), 1'000'000U) << name;
}

/// Changes one element of one variable and expects the module that owns it to be the first divergence.
TEST(Models, OneWrongWeightIsFoundAtItsModule) {
  struct Case {
    const char* golden;
    const char* variable;
    const char* module;
  };
  for (const Case& broken : {
           Case{"bert_model", "bert/embeddings/LayerNorm/gamma", "embeddings.LayerNorm"},
           Case{"bert_model", "bert/encoder/layer_._0/attention/self/key/kernel", "encoder.layer.0.attention.self.key"},
           Case{"bert_model", "bert/encoder/layer_._1/output/dense/bias", "encoder.layer.1.output.dense"},
           Case{"bert_for_masked_lm", "mlm___cls/predictions/transform/dense/kernel",
                "cls.predictions.transform.dense"},
           Case{"bert_for_sequence_classification", "classifier/kernel", "classifier"},
       }) {
    const verify::Verification verification =
        verify_golden(broken.golden, [&](const keras::Variable& variable, std::span<float> out) {
          read_from_source(variable, out);
          if (variable.name == broken.variable) out.front() += 1e-2F;
        });
    ASSERT_NE(verification.first_divergence(), nullptr) << broken.variable;
    EXPECT_EQ(verification.first_divergence()->path, broken.module) << broken.variable;
  }
}

}  // namespace
}  // namespace crossload

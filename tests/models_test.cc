// Every architecture against PyTorch: the goldens of the recipes in tests/goldens/. A new model needs no line here, a
// file there. With CROSSLOAD_RECORD=1, what the goldens gave is written to tests/goldens/verified/. With
// CROSSLOAD_TRANSFORMERS5=1 the goldens are those that Transformers 5 made, checkpoints and references.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <random>
#include <set>

#include "checkpoint/checkpoint.h"
#include "converted_golden.h"
#include "crossload/convert.h"
#include "goldens.h"
#include "load/loaded_model.h"
#include "paths.h"
#include "recipes.h"
#include "tensorflow_library.h"
#include "test_files.h"
#include "verified_record.h"
#include "verify/describe.h"

namespace crossload {
namespace {

namespace fs = std::filesystem;

const fs::path kRecipes = source_folder() / "tests" / "goldens";

/// Of all files.
const std::vector<Recipe>& recipes() {
  static const std::vector<Recipe> all = [] {
    std::vector<Recipe> found;
    for (const fs::path& file : recipe_files(kRecipes)) {
      for (const Recipe& recipe : read_recipes(file)) {
        if (recipe.in_transformers_5 || !are_of_transformers_5()) found.push_back(recipe);
      }
    }
    return found;
  }();
  return all;
}

std::vector<std::string> golden_names() {
  std::vector<std::string> names;
  for (const Recipe& recipe : recipes()) names.push_back(recipe.name);
  return names;
}

/// The first recipe of each class that is no small one.
std::vector<std::string> goldens_of_heads() {
  std::vector<std::string> names;
  std::set<std::string> classes;
  for (const Recipe& recipe : recipes()) {
    if (!recipe.name.ends_with("_small") && classes.insert(recipe.class_name).second) names.push_back(recipe.name);
  }
  return names;
}

/// Reads variables from the checkpoint, as an artifact would hold them.
void read_from_source(const keras::Variable& variable, std::span<float> out) {
  keras::read_rows(variable, 0, tensor::row_count(variable.shape), out);
}

verify::Verification verify_golden(const std::string& name, const verify::ReadVariable& read) {
  const checkpoint::Checkpoint checkpoint = checkpoint::Checkpoint::open(golden_path(name));
  const load::LoadedModel loaded = load::load_from_pytorch(checkpoint, load::choose_class(checkpoint.config()));
  const verify::Trace trace = verify::Trace::open(golden_path(name));
  const verify::Observation observation =
      verify::observe(tf::library(), verify::RunOptions{}, *loaded.model, *loaded.weights, read, trace.inputs());
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
    if (std::getenv("CROSSLOAD_RECORD") != nullptr) {
      const std::vector<std::string> names = golden_names();
      record.write(kRecipes / "verified", {names.begin(), names.end()});
    }
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
  const load::ModelClass model_class =
      load::choose_class(checkpoint::Checkpoint::open(golden_path(GetParam())).config());
  record.add(model_class.architecture->model_type, verified_line(GetParam(), model_class.head->name, verification));
}

INSTANTIATE_TEST_SUITE_P(Models, Golden, testing::ValuesIn(golden_names()),
                         [](const auto& parameter) { return parameter.param; });

TEST(Models, EveryClassHasAGolden) {
  std::set<std::string> covered;
  for (const Recipe& recipe : recipes()) covered.insert("TF" + recipe.class_name);
  for (const keras::Architecture& architecture : models::registry()) {
    for (const keras::Head& head : architecture.heads) {
      EXPECT_TRUE(covered.contains(head.name))
          << head.name << " has no golden; add a recipe to tests/goldens/" << architecture.model_type << ".json";
    }
  }
}

TEST(Models, GoldensAreOfTheVersionOfTransformers) {
  const std::string major = are_of_transformers_5() ? "5." : "4.57.";
  for (const std::string& name : golden_names()) {
    const bytes::Json versions = bytes::Json::parse(verify::Trace::open(golden_path(name)).metadata("versions"), name);
    EXPECT_TRUE(versions.at("transformers").as_string().starts_with(major)) << name << " " << versions.dump();
  }
}

TEST(Models, GoldensStaySmall) {
  for (const std::string& name : golden_names()) EXPECT_LT(fs::file_size(golden_path(name)), 1'000'000U) << name;
}

/// Every format is written and read back, every function of the SavedModel is called, those of training once.
class Head : public testing::TestWithParam<std::string> {};

TEST_P(Head, IsWrittenReadBackAndServed) {
  const TemporaryFolder folder;
  const Outcome result = expect_converted(golden_path(GetParam()), folder.path() / "out");
  const bytes::Json certificate = bytes::Json::parse(result.certificate, "crossload.json");
  EXPECT_EQ(certificate.at("read_back").size(), 3U);
  std::size_t training = 0;
  for (const bytes::Json& function : certificate.at("functions").elements()) {
    if (!function.at("training").as_bool()) continue;
    ++training;
    EXPECT_GT(function.at("compared").as_integer(), 0) << function.dump();
  }
  EXPECT_GT(training, 0U);
}

TEST(Functions, RunWhereTheMainRunLacksTheirInputs) {
  const TemporaryFolder folder;
  const Outcome result = expect_converted(golden_path("layoutlm_no_mask"), folder.path() / "out");
  const bytes::Json certificate = bytes::Json::parse(result.certificate, "crossload.json");
  EXPECT_GT(certificate.at("functions").size(), 17U);  // eight sets of ids, with and without training, and serving
  for (const bytes::Json& function : certificate.at("functions").elements()) {
    EXPECT_GT(function.at("compared").as_integer(), 0) << function.dump();
  }
}

/// The module that owns a tensor of the checkpoint, or the nearest around it that ran.
std::string module_of(const std::string& key, const verify::Trace& trace) {
  std::string path = key;
  do {
    path = path.substr(0, path.find('.') == std::string::npos ? 0 : path.rfind('.'));
  } while (!path.empty() && std::none_of(trace.stages().begin(), trace.stages().end(),
                                         [&](const verify::TracedStage& stage) { return stage.path == path; }));
  return path;
}

/// Two variables, others for each golden.
std::vector<keras::Variable> choose_two(const std::string& golden, const keras::Weights& weights) {
  std::vector<keras::Variable> variables(weights.variables().begin(), weights.variables().end());
  std::mt19937 random(static_cast<std::uint32_t>(std::hash<std::string>()(golden)));
  std::vector<keras::Variable> chosen;
  for (int i = 0; i < 2; ++i) {
    const std::size_t at = random() % variables.size();
    chosen.push_back(variables[at]);
    variables.erase(variables.begin() + static_cast<std::ptrdiff_t>(at));
  }
  return chosen;
}

TEST_P(Head, TwoBrokenVariablesAreFoundAtTheirModules) {
  const verify::Trace trace = verify::Trace::open(golden_path(GetParam()));
  const checkpoint::Checkpoint checkpoint = checkpoint::Checkpoint::open(golden_path(GetParam()));
  const load::LoadedModel loaded = load::load_from_pytorch(checkpoint, load::choose_class(checkpoint.config()));
  for (const keras::Variable& broken : choose_two(GetParam(), *loaded.weights)) {
    const verify::Verification verification =
        verify_golden(GetParam(), [&](const keras::Variable& variable, std::span<float> out) {
          read_from_source(variable, out);
          if (variable.name != broken.name) return;
          for (std::size_t i = 0; i < out.size(); ++i) out[i] += i % 3 == 0 ? 0.05F : -0.03F;
        });
    const verify::StageReport* first = verification.first_divergence();
    ASSERT_NE(first, nullptr) << broken.key;
    const std::string module = module_of(broken.key, trace);
    EXPECT_TRUE(module.empty() || first->path == module || first->path.starts_with(module + "."))
        << broken.key << " is wrong, the finding is " << first->name;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Head, testing::ValuesIn(goldens_of_heads()),
                         [](const auto& parameter) { return parameter.param; });

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

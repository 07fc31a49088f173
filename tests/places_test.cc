// Where modules stand in our sources, as stages tell it.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "goldens.h"
#include "keras/layers.h"
#include "load/loaded_model.h"
#include "model_graph_fixture.h"
#include "paths.h"

namespace crossload::keras {
namespace {

namespace fs = std::filesystem;

template <class Inner>
class TFTwice : public Module<TFTwice<Inner>> {
 public:
  explicit TFTwice(const Scope& scope) : Module<TFTwice>(scope), dense(scope / "dense", 2, 2, /*bias=*/false) {}
  tf::Tensor call(const tf::Tensor& x) const { return dense(dense(x)); }
  const Inner dense;
};

class TFOuter : public Module<TFOuter> {
 public:
  explicit TFOuter(const Scope& scope) : Module(scope), twice(scope / "twice") {}
  tf::Tensor call(const tf::Tensor& x, bool training) const { return training ? x : twice(x); }
  const TFTwice<Dense> twice;
};

/// The text from the head of the class's constructor down to the line, or nothing when there is no such head shortly
/// before it. (GCC gives the line where a constructor's body begins.)
std::string constructor_before(const std::string& class_name, const std::string& file, int line) {
  std::ifstream stream(source_folder() / file);
  std::vector<std::string> lines(static_cast<std::size_t>(line));
  for (std::string& text : lines) std::getline(stream, text);
  const std::string head = class_name.substr(0, class_name.find('<')) + "(const Scope&";
  std::string found;
  for (auto text = lines.rbegin(); text != lines.rend() && found.size() < 3000; ++text) {
    found = *text + "\n" + found;
    if (text->find(head) != std::string::npos) return found;
  }
  return "";
}

void expect_in_constructor(const Stage& stage) {
  EXPECT_THAT(constructor_before(stage.class_name, stage.file, stage.line),
              testing::AllOf(testing::HasSubstr("Module"), testing::Not(testing::HasSubstr(" call("))))
      << stage.path << ": " << stage.class_name << " in " << stage.file << ":" << stage.line;
}

class Places : public ModelGraphTest {};

TEST_F(Places, StagesNameTheirClassAndWhoCallsThem) {
  Weights weights({{"outer.twice.dense.weight", view_of({2, 2}, {1, 2, 3, 4})}});
  const TFOuter outer(Scope(&weights) / "outer");
  outer(unknown({-1, 2}, host({1, 2}, {1, 2})), /*training=*/false);

  const std::vector<Stage>& stages = graph_.stages();
  ASSERT_EQ(stages.size(), 4U);
  EXPECT_EQ(stages[0].path, "outer.twice.dense");
  EXPECT_EQ(stages[0].class_name, "Dense");
  EXPECT_EQ(stages[0].file, "src/keras/layers.cc");
  expect_in_constructor(stages[0]);
  EXPECT_EQ(stages[0].caller, "outer.twice");
  EXPECT_EQ(stages[1].call, 1);
  EXPECT_EQ(stages[2].class_name, "TFTwice<Dense>");
  EXPECT_THAT(stages[2].file, testing::EndsWith("tests/places_test.cc"));
  EXPECT_EQ(stages[2].caller, "outer");
  EXPECT_EQ(stages[3].class_name, "TFOuter");
  EXPECT_EQ(stages[3].caller, "");
}

// A golden, called without TensorFlow's values: every stage of it stands in the architecture's file or in src/keras.
TEST_F(Places, OfAWholeModel) {
  const fs::path golden = small_golden_path("bert");
  const checkpoint::Checkpoint checkpoint = checkpoint::Checkpoint::open(golden);
  const load::LoadedModel loaded = load::load_from_pytorch(checkpoint, load::choose_class(checkpoint.config()));
  ModelInputs inputs;
  for (const InputSpec& input : loaded.model->serving()) {
    inputs.tensors.emplace(input.name, graph_.placeholder(input.dtype, input.shape, input.name));
  }
  loaded.model->call(inputs, {});
  ASSERT_GT(graph_.stages().size(), 20U);
  for (const Stage& stage : graph_.stages()) {
    EXPECT_THAT(stage.file, testing::AnyOf("src/models/modeling_tf_bert.cc", "src/blocks/bert_block.cc",
                                           testing::StartsWith("src/keras/")));
    expect_in_constructor(stage);
  }
  const auto self = std::find_if(graph_.stages().begin(), graph_.stages().end(),
                                 [](const Stage& stage) { return stage.path == "encoder.layer.0.attention.self"; });
  ASSERT_NE(self, graph_.stages().end());
  EXPECT_EQ(self->class_name, "TFBertSelfAttention");
  EXPECT_EQ(self->caller, "encoder.layer.0.attention");
}

}  // namespace
}  // namespace crossload::keras

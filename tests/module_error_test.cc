// What is said when TensorFlow cannot make or run an operation of a module of ours.
#include <cmath>

#include "export/saved_model_graph.h"
#include "keras/layers.h"
#include "keras/model.h"
#include "model_graph_fixture.h"
#include "verify/runner.h"

namespace crossload::keras {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

/// What a module of ours may get wrong.
enum class Mistake {
  kNone,
  kWrongSize,
  kWrongReshape,
  kNoSuchDimension,
  kSizesOfARun,
  kRowOutside,
  kInexactNumber,
  kUnknownSize
};

class TFFaulty : public Module<TFFaulty> {
 public:
  TFFaulty(const Scope& scope, Mistake mistake) : Module(scope), dense(scope / "dense", 2, 2), mistake_(mistake) {}

  tf::Tensor call(const tf::Tensor& x) const {  // [batch, length, 2]
    tf::Graph& graph = x.graph();
    const tf::Tensor y = dense(x);
    switch (mistake_) {
      case Mistake::kWrongSize:
        return y + tf::fill(graph, {3}, graph.constant(1.0F));
      case Mistake::kWrongReshape:
        return tf::reshape(tf::fill(graph, {2, 3}, graph.constant(1.0F)), {4});
      case Mistake::kNoSuchDimension:
        return y * static_cast<double>(y.dim(3));
      case Mistake::kSizesOfARun:  // right for sequences of one length alone
        return y + tf::fill(graph, {7, 2}, graph.constant(1.0F));
      case Mistake::kRowOutside:
        return y + tf::gather(y, graph.constant(std::vector<std::int32_t>{5}));
      case Mistake::kInexactNumber:
        return y + tf::cast(tf::shape(y) * 0.5, tf::DataType::kFloat);
      case Mistake::kUnknownSize:
        return tf::dims_of(y)[1] > 4 ? y : -y;
      case Mistake::kNone:
        break;
    }
    return y;
  }

  const Dense dense;

 private:
  const Mistake mistake_;
};

class TFOuter : public Module<TFOuter> {
 public:
  TFOuter(const Scope& scope, Mistake mistake) : Module(scope), faulty(scope / "faulty", mistake) {}
  tf::Tensor call(const tf::Tensor& x) const { return faulty(tf::tanh(x)); }
  const TFFaulty faulty;
};

class TFSmallModel : public Model {
 public:
  TFSmallModel(const Scope& scope, Mistake mistake, bool itself = false)
      : Model(checkpoint::Config(bytes::Json::object()), {.serving = {{"x", tf::DataType::kFloat, {-1, -1, 2}}}}),
        outer(scope / "outer", mistake),
        itself_(itself) {}
  ModelOutput call(const ModelInputs& inputs, const Call&) const override {
    const tf::Tensor y = outer(inputs.at("x"));
    return ModelOutput().add("y", itself_ ? tf::matmul(y, y) : y);
  }
  const TFOuter outer;

 private:
  const bool itself_;
};

class ModuleErrors : public ModelGraphTest {
 protected:
  /// The error of a run on a batch of two sequences of three.
  ModuleError run_error(Mistake mistake, bool itself = false) {
    const TFSmallModel model(Scope(&weights_), mistake, itself);
    try {
      observe(model);
    } catch (const ModuleError& error) {
      return error;
    }
    ADD_FAILURE() << "nothing was thrown";
    return ModuleError({});
  }
  verify::Observation observe(const TFSmallModel& model) {
    const auto read = [](const Variable& variable, std::span<float> out) {
      read_rows(variable, 0, tensor::row_count(variable.shape), out);
    };
    return verify::observe(tf::library(), {}, model, weights_, read,
                           {{"x", view_of({2, 3, 2}, std::vector<float>(12, 0.5F))}});
  }

  Weights weights_{{{"outer.faulty.dense.weight", view_of({2, 2}, {1, 2, 3, 4})},
                    {"outer.faulty.dense.bias", view_of({2}, {1, 2})}}};
};

TEST_F(ModuleErrors, OfAnOperationThatCannotBeMade) {
  const ModuleError error = run_error(Mistake::kWrongSize);
  EXPECT_EQ(error.kind(), ErrorKind::kDisagrees);
  EXPECT_EQ(error.failure().place.path, "outer.faulty");
  EXPECT_EQ(error.failure().place.class_name, "TFFaulty");
  EXPECT_THAT(error.failure().place.file, EndsWith("tests/module_error_test.cc"));
  EXPECT_EQ(error.failure().caller.class_name, "TFOuter");
  EXPECT_EQ(error.failure().operation, "AddV2");
  EXPECT_EQ(error.failure().reason, "shapes [?, ?, 2] and [3] do not fit: dimensions must be equal, but are 2 and 3");
  EXPECT_THAT(error.what(), AllOf(StartsWith("outer.faulty (TFFaulty, "), HasSubstr("; called by TFOuter, "),
                                  EndsWith("): TensorFlow cannot compute AddV2: " + error.failure().reason)));
}

TEST_F(ModuleErrors, OfAReshape) {
  EXPECT_EQ(run_error(Mistake::kWrongReshape).failure().reason,
            "inputs of shapes [2, 3] and [1]: Cannot reshape a tensor with 6 elements to shape [4] (4 elements)");
}

TEST_F(ModuleErrors, OfADimensionThatIsNotThere) {
  EXPECT_THAT(run_error(Mistake::kNoSuchDimension).what(),
              AllOf(StartsWith("outer.faulty (TFFaulty, "),
                    EndsWith("TensorFlow cannot compute this: a tensor of shape [-1, -1, 2] has no dimension 3")));
}

TEST_F(ModuleErrors, OfANumberThatTheTypeCannotHold) {
  EXPECT_THAT(run_error(Mistake::kInexactNumber).what(),
              AllOf(StartsWith("outer.faulty (TFFaulty, "),
                    EndsWith("TensorFlow cannot compute Const: int32 cannot hold 0.5; cast the tensor first")));
}

TEST_F(ModuleErrors, OfASizeThatIsAskedForTooEarly) {
  EXPECT_THAT(run_error(Mistake::kUnknownSize).what(),
              AllOf(StartsWith("outer.faulty (TFFaulty, "), HasSubstr("of which one is known at run time alone")));
}

TEST_F(ModuleErrors, OfSizesThatOnlyARunKnows) {
  const ModuleError error = run_error(Mistake::kSizesOfARun);
  EXPECT_EQ(error.kind(), ErrorKind::kDisagrees);
  EXPECT_EQ(error.failure().place.path, "outer.faulty");
  EXPECT_EQ(error.failure().caller.path, "outer");
  EXPECT_EQ(error.failure().operation, "AddV2");
  EXPECT_THAT(error.failure().reason, testing::AnyOf("shapes [2, 3, 2] and [7, 2] do not fit",
                                                     "shapes [7, 2] and [2, 3, 2] do not fit"));  // TensorFlow swaps
}

TEST_F(ModuleErrors, OfARowOutsideOfATable) {
  const ModuleError error = run_error(Mistake::kRowOutside);
  EXPECT_EQ(error.failure().place.path, "outer.faulty");
  EXPECT_EQ(error.failure().reason, "indices[0] = 5 is not in [0, 2)");
}

TEST_F(ModuleErrors, OfTheModelItself) {
  const ModuleError error = run_error(Mistake::kNone, /*itself=*/true);
  EXPECT_EQ(error.failure().place.path, "");
  EXPECT_THAT(error.what(), MatchesRegex("TFSmallModel \\(.*tests/module_error_test.cc:[0-9]+\\): TensorFlow cannot "
                                         "compute BatchMatMulV2: .*\\[2, 3, 2\\].*\\[2, 3, 2\\].*"));
}

// The inputs may be anybody's: they are not a disagreement, but the module is named.
TEST_F(ModuleErrors, OfARunnerByItselfAreOfTheInput) {
  const TFSmallModel model(Scope(&weights_), Mistake::kSizesOfARun);
  const auto read = [](const Variable& variable, std::span<float> out) {
    read_rows(variable, 0, tensor::row_count(variable.shape), out);
  };
  const verify::Feeds feeds = {{"x", view_of({1, 3, 2}, std::vector<float>(6))}};
  verify::Runner runner(tf::library(), {}, model, weights_, read, feeds);
  EXPECT_ERROR(runner.run(feeds), ErrorKind::kBadInput, "outer.faulty (TFFaulty, ");
  EXPECT_EQ(runner.run({{"x", view_of({1, 7, 2}, std::vector<float>(14))}}).stages.size(), 3U);
}

TEST_F(ModuleErrors, OfASavedModelThatCannotBeMade) {
  const TFSmallModel model(Scope(&weights_), Mistake::kWrongSize);
  EXPECT_ERROR(exporting::build_saved_model_graph(tf::library(), model, weights_), ErrorKind::kDisagrees,
               "outer.faulty (TFFaulty, ");
}

TEST_F(ModuleErrors, NoneWithoutAMistake) {
  const TFSmallModel model(Scope(&weights_), Mistake::kNone);
  EXPECT_NEAR(observe(model).outputs.at("y").elements.front(), 3 * std::tanh(0.5) + 1, 1e-5);
}

TEST(ReasonOf, LeavesOutNodesAndCodes) {
  const std::string run =
      "2 root error(s) found.\n  (0) INVALID_ARGUMENT: Incompatible shapes: [2,3] vs. [7]\n\t [[{{node a/b}}]]\n"
      "\t [[c/_3]]\n  (1) INVALID_ARGUMENT: Incompatible shapes: [2,3] vs. [7]\n\t [[{{node a/b}}]]";
  EXPECT_EQ(tf::reason_of(run), "shapes [2, 3] and [7] do not fit");
  EXPECT_EQ(tf::failing_node(run), "a/b");
  EXPECT_EQ(tf::failing_node("no node"), "");
  EXPECT_EQ(tf::reason_of("Something else.\n\t [[{{node a}}]]", {{2, -1}}), "inputs of shapes [2, ?]: Something else");
  EXPECT_EQ(tf::reason_of("Something else", {}), "Something else");
}

}  // namespace
}  // namespace crossload::keras

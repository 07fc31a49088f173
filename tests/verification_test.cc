// Traces, and the verdict over all modules: what is off, where it began, and what was not compared. Needs no
// TensorFlow.
#include "verify/verification.h"

#include <gmock/gmock.h>

#include "export/safetensors_writer.h"
#include "flow/caveats.h"
#include "goldens.h"
#include "test_support.h"

namespace crossload::verify {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A trace in the making: `input.ids` and what is added.
class TraceFile {
 public:
  TraceFile() { add(DType::kI64, "input.ids", {1}, bytes_of(std::vector<std::int64_t>{7})); }

  TraceFile& add(DType dtype, const std::string& name, const Shape& shape, const std::string& bytes) {
    tensors_.push_back(
        {name, dtype, shape, [bytes](const exporting::ByteSink& put) { put(std::as_bytes(std::span(bytes))); }});
    return *this;
  }
  TraceFile& add(const std::string& name, const std::vector<float>& values) {
    return add(DType::kF32, name, {1, static_cast<std::int64_t>(values.size())}, bytes_of(values));
  }
  /// A call of a module and the tensors that it returned, each [1, n].
  TraceFile& returned(const std::string& path, const std::vector<std::pair<std::string, std::vector<float>>>& tensors,
                      int call = 0) {
    bytes::Json names = bytes::Json::array();
    for (const auto& [name, values] : tensors) {
      names.push_back(name);
      add("stage." + name, values);
    }
    bytes::Json entry = bytes::Json::object();
    entry.set("path", path);
    entry.set("call", call);
    entry.set("class", "Linear");
    entry.set("file", "linear.py");
    entry.set("line", 50);
    entry.set("tensors", names);
    stages_.push_back(entry);
    return *this;
  }
  /// The input that masks what a module returns.
  TraceFile& mask(const std::string& path, const std::string& input) {
    for (bytes::Json entry : stages_.elements()) {
      if (entry.at("path").as_string() == path) entry.set("mask", input);
    }
    return *this;
  }
  /// A module that returned one tensor.
  TraceFile& stage(const std::string& path, const std::vector<float>& values) {
    return returned(path, {{path, values}});
  }
  TraceFile& output(const std::string& name, const std::vector<float>& values) { return add("output." + name, values); }

  std::filesystem::path write(std::map<std::string, std::string> metadata = {}) const {
    metadata.emplace("crossload_trace", "1");
    metadata.emplace("stages", stages_.dump());
    const auto path = folder_.path() / "trace.safetensors";
    exporting::write_safetensors(path, tensors_, metadata);
    return path;
  }
  Trace open() const { return Trace::open(write()); }

 private:
  TemporaryFolder folder_;
  std::vector<exporting::TensorToWrite> tensors_;
  bytes::Json stages_ = bytes::Json::array();
};

Values row(const std::vector<float>& values) { return {{1, static_cast<std::int64_t>(values.size())}, values}; }

ObservedStage observed(const std::string& path, const std::vector<float>& values,
                       const std::vector<std::size_t>& reads = {}, int call = 0) {
  return {path, call, {row(values)}, reads};
}

Verification judged(const TraceFile& file, const std::vector<ObservedStage>& stages,
                    const std::map<std::string, Values>& outputs, const Tolerances& tolerances = {}) {
  return verify(file.open(), {stages, outputs}, {}, tolerances);
}

/// Names of the stages that diverge by themselves.
std::vector<std::string> divergences(const Verification& verification) {
  std::vector<std::string> names;
  for (const std::size_t index : verification.divergences) names.push_back(verification.stages.at(index).name);
  return names;
}

/// The first divergence's module or output, and its tensor: "attention: attention.1".
std::string first(const Verification& verification) {
  const StageReport* report = verification.first_divergence();
  if (report == nullptr) return "none";
  return (report->path.empty() ? "" : report->path + ": ") + report->name;
}

const std::vector<float> kRight = {1, 2};
const std::vector<float> kOff = {1, 2.5};

TEST(Verdict, AllAgrees) {
  TraceFile file;
  file.stage("a.b", kRight).stage("a", kRight).output("logits", kRight);
  const Verification v = judged(file, {observed("a.b", kRight), observed("a", kRight, {0})}, {{"logits", row(kRight)}});
  EXPECT_TRUE(v.agrees());
  EXPECT_EQ(v.first_divergence(), nullptr);
  EXPECT_THAT(v.divergences, IsEmpty());
  EXPECT_THAT(v.not_compared, IsEmpty());
  EXPECT_EQ(v.modules_traced, 2U);
  EXPECT_EQ(v.modules_compared, 2U);
  EXPECT_FALSE(v.served());
  EXPECT_EQ(v.verdict(), Verdict::kAgrees);
  ASSERT_EQ(v.stages.size(), 2U);
  EXPECT_EQ(v.stages[0].name, "a.b");
  EXPECT_EQ(v.stages[0].path, "a.b");
  EXPECT_EQ(v.stages[0].class_name, "Linear");
  EXPECT_EQ(v.stages[0].source, "linear.py:50");
  EXPECT_TRUE(v.stages[1].agrees());
  ASSERT_EQ(v.outputs.size(), 1U);
  EXPECT_EQ(v.outputs[0].name, "output.logits");
  EXPECT_EQ(v.outputs[0].path, "");
}

TEST(FirstDivergence, IsTheModuleWhoseInputsAgree) {
  TraceFile file;
  for (const char* path : {"a", "b", "c", "d"}) file.stage(path, kRight);
  file.output("logits", kRight);
  const Verification v = judged(
      file, {observed("a", kRight), observed("b", kOff, {0}), observed("c", kOff, {1}), observed("d", kRight, {1, 2})},
      {{"logits", row(kOff)}});
  EXPECT_FALSE(v.agrees());
  EXPECT_THAT(divergences(v), ElementsAre("b"));
  ASSERT_EQ(first(v), "b: b");
  EXPECT_EQ(v.first_divergence()->comparison.kept.tf_to_pt, 0.5);
  EXPECT_THAT(v.first_divergence()->comparison.worst_index, ElementsAre(0, 1));
}

TEST(FirstDivergence, AChildComesBeforeItsParent) {
  TraceFile file;
  file.stage("block.dense", kRight).stage("block", kRight).output("x", kRight);
  const Verification v =
      judged(file, {observed("block.dense", kOff), observed("block", kOff, {0})}, {{"x", row(kRight)}});
  EXPECT_THAT(divergences(v), ElementsAre("block.dense"));
}

TEST(FirstDivergence, ParallelBranchesDivergeEachByItself) {
  TraceFile file;
  for (const char* path : {"hidden", "query", "key", "value", "context"}) file.stage(path, kRight);
  file.output("x", kRight);
  // TensorFlow made the branches in another order; PyTorch's counts.
  const Verification v = judged(file,
                                {observed("hidden", kRight), observed("value", kOff, {0}), observed("key", kRight, {0}),
                                 observed("query", kOff, {0}), observed("context", kOff, {1, 2, 3})},
                                {{"x", row(kRight)}});
  EXPECT_THAT(divergences(v), ElementsAre("query", "value"));
  EXPECT_EQ(first(v), "query: query");
}

TEST(FirstDivergence, OfASharedModuleIsACall) {
  TraceFile file;
  file.stage("shared", kRight)
      .stage("between", kRight)
      .returned("shared", {{"shared#1", {5, 6}}}, 1)
      .output("x", kRight);
  const std::map<std::string, Values> outputs = {{"x", row(kRight)}};
  const Verification second =
      judged(file, {observed("shared", kRight), observed("between", kRight, {0}), observed("shared", {5, 7}, {1}, 1)},
             outputs);
  EXPECT_THAT(divergences(second), ElementsAre("shared#1"));
  EXPECT_EQ(first(second), "shared: shared#1");
  EXPECT_EQ(second.modules_traced, 3U);
  const Verification both = judged(
      file, {observed("shared", kOff), observed("between", kOff, {0}), observed("shared", {5, 7}, {1}, 1)}, outputs);
  EXPECT_THAT(divergences(both), ElementsAre("shared"));
  const Verification apart = judged(
      file, {observed("shared", kOff), observed("between", kRight, {0}), observed("shared", {5, 7}, {1}, 1)}, outputs);
  EXPECT_THAT(divergences(apart), ElementsAre("shared", "shared#1"));
}

TEST(FirstDivergence, OfAModuleWithSeveralTensorsIsTheOneThatIsOff) {
  TraceFile file;
  file.stage("a", kRight)
      .returned("attention", {{"attention.0", kRight}, {"attention.1", {3, 4}}})
      .stage("b", kRight)
      .output("x", kRight);
  const auto run = [&](const std::vector<float>& first, const std::vector<float>& other) {
    return judged(file,
                  {observed("a", kRight), {"attention", 0, {row(first), row(other)}, {0}}, observed("b", kOff, {1})},
                  {{"x", row(kRight)}});
  };
  EXPECT_THAT(divergences(run(kRight, {3, 5})), ElementsAre("attention.1"));
  EXPECT_EQ(first(run(kRight, {3, 5})), "attention: attention.1");
  EXPECT_THAT(divergences(run(kOff, {3, 5})), ElementsAre("attention.0"));
  EXPECT_THAT(divergences(run(kRight, {3, 4})), ElementsAre("b"));
  EXPECT_EQ(run(kRight, {3, 4}).modules_compared, 3U);
  EXPECT_EQ(run(kRight, {3, 4}).stages.size(), 4U);
}

TEST(FirstDivergence, IsAnOutputWhenNoModuleIsOff) {
  TraceFile file;
  file.stage("a", kRight).output("logits", kRight).output("pooled", kRight);
  const Verification v = judged(file, {observed("a", kRight)}, {{"logits", row(kRight)}, {"pooled", row(kOff)}});
  EXPECT_FALSE(v.agrees());
  EXPECT_THAT(divergences(v), IsEmpty());
  EXPECT_EQ(first(v), "output.pooled");
}

TEST(FirstDivergence, MayBeAShape) {
  TraceFile file;
  file.stage("a", kRight).output("x", kRight);
  const Verification v = judged(file, {observed("a", {1, 2, 3})}, {{"x", row(kRight)}});
  ASSERT_EQ(first(v), "a: a");
  EXPECT_EQ(v.first_divergence()->comparison.mismatch, "TensorFlow [1, 3], PyTorch [1, 2]");
}

TEST(Coverage, CountsWhatPyTorchReturned) {
  TraceFile file;
  file.stage("a", kRight).returned("ids_only", {});
  file.returned("b", {{"b.0", kRight}, {"b.1", kRight}}).stage("c", kRight).output("x", kRight);
  const Verification v =
      judged(file, {observed("a", kRight), observed("b", kRight), observed("only_here", kOff)}, {{"x", row(kRight)}});
  EXPECT_EQ(v.modules_traced, 3U);
  EXPECT_EQ(v.modules_compared, 1U);
  EXPECT_THAT(v.not_compared, ElementsAre("b", "c"));
  EXPECT_FALSE(v.agrees());
  EXPECT_EQ(v.first_divergence(), nullptr);  // what was compared agrees
}

TEST(Coverage, ASecondCallMustBeThere) {
  TraceFile file;
  file.stage("a", kRight).returned("a", {{"a#1", kRight}}, 1).output("x", kRight);
  const Verification v = judged(file, {observed("a", kRight)}, {{"x", row(kRight)}});
  EXPECT_EQ(v.modules_compared, 1U);
  EXPECT_THAT(v.not_compared, ElementsAre("a#1"));
  EXPECT_FALSE(v.agrees());
}

TEST(Coverage, CallsWithoutRowsDoNotCountWherePyTorchMadeFewer) {
  TraceFile file;
  file.stage("expert", kRight).returned("expert", {{"expert#1", {5, 6}}}, 1).output("x", kRight);
  const std::map<std::string, Values> outputs = {{"x", row(kRight)}};
  const std::vector<ObservedStage> calls = {observed("expert", {}), observed("expert", kRight, {}, 1),
                                            observed("expert", {}, {}, 2), observed("expert", {5, 6}, {}, 3)};
  EXPECT_TRUE(judged(file, calls, outputs).agrees());
  const std::vector<ObservedStage> as_many = {observed("expert", {}), observed("expert", kRight, {}, 1)};
  EXPECT_FALSE(judged(file, as_many, outputs).agrees());
  const std::vector<ObservedStage> off = {observed("expert", {}), observed("expert", kOff, {}, 1),
                                          observed("expert", {5, 6}, {}, 2)};
  EXPECT_EQ(first(judged(file, off, outputs)), "expert: expert");
}

TEST(Coverage, MoreTensorsThanPyTorchsAreFine) {
  TraceFile file;
  file.stage("a", kRight).output("x", kRight);
  const Verification v =
      judged(file, {{"a", 0, {row(kRight), row(kOff)}, {}}}, {{"x", row(kRight)}, {"only_here", row(kOff)}});
  EXPECT_TRUE(v.agrees());
}

TEST(Coverage, EveryOutputMustBeThere) {
  TraceFile file;
  file.stage("a", kRight).output("logits", kRight).output("hidden_states.1", kRight);
  const Verification v = judged(file, {observed("a", kRight)}, {{"logits", row(kRight)}});
  EXPECT_THAT(v.not_compared, ElementsAre("output.hidden_states.1"));
  EXPECT_FALSE(v.agrees());
}

TEST(Coverage, IntegersAmongTheOutputsAreCompared) {
  TraceFile file;
  file.output("x", kRight);
  for (const char* name : {"output.ids", "output64.ids"}) {
    file.add(DType::kI64, name, {1}, bytes_of(std::vector<std::int64_t>{3}));
  }
  const auto with_ids = [&](std::int64_t id) {
    const Values ids = {.shape = {1}, .elements = {}, .kind = NumberKind::kInteger, .integers = {id}};
    return judged(file, {}, {{"x", row(kRight)}, {"ids", ids}});
  };
  EXPECT_TRUE(with_ids(3).agrees());
  EXPECT_EQ(with_ids(3).outputs.size(), 2U);
  EXPECT_EQ(first(with_ids(4)), "output.ids");
}

/// A call of a function of the SavedModel with the trace's inputs.
FunctionRun called(const Trace& trace, const std::string& label, const std::map<std::string, Values>& outputs,
                   bool training = false) {
  FunctionRun run;
  run.label = label;
  run.inputs = {"ids"};
  run.training = training;
  run.trace = &trace;
  run.outputs = outputs;
  return run;
}

TEST(Functions, AreComparedBesides) {
  TraceFile file;
  file.output("hidden_states.0", kRight).output("logits", kRight);
  const Trace trace = file.open();
  const Observation observation = {{}, {{"hidden_states.0", row(kRight)}, {"logits", row(kRight)}}};
  // Hidden states are returned on request alone.
  const Verification good =
      verify(trace, observation, {called(trace, "serving_default", {{"logits", row(kRight)}})}, {});
  EXPECT_TRUE(good.served());
  EXPECT_TRUE(good.agrees());
  EXPECT_EQ(good.tensors(), 3U);
  ASSERT_EQ(good.functions.size(), 1U);
  EXPECT_EQ(good.functions[0].outputs.at(0).name, "serving_default.logits");
  const Verification bad = verify(trace, observation, {called(trace, "serving_default", {{"logits", row(kOff)}})}, {});
  EXPECT_FALSE(bad.agrees());
  EXPECT_EQ(first(bad), "serving_default.logits");
}

TEST(Functions, ThatDidNotRunAreADisagreement) {
  TraceFile file;
  file.output("logits", kRight);
  const Trace trace = file.open();
  const Observation observation = {{}, {{"logits", row(kRight)}}};
  FunctionRun unasked = called(trace, "__call__(ids)", {});
  unasked.trace = nullptr;
  FunctionRun failed = called(trace, "__call__(ids)", {});
  failed.error = "TensorFlow: no";
  EXPECT_THAT(verify(trace, observation, {unasked}, {}).not_compared,
              ElementsAre("__call__(ids): was not run: the reference has no such inputs"));
  EXPECT_THAT(verify(trace, observation, {failed}, {}).not_compared, ElementsAre("__call__(ids): TensorFlow: no"));
  EXPECT_FALSE(verify(trace, observation, {unasked}, {}).agrees());
  EXPECT_FALSE(verify(trace, observation, {failed}, {}).functions[0].ran);
}

TEST(Functions, MustReturnWhatPyTorchReturns) {
  TraceFile file;
  file.output("logits", kRight)
      .output("pooled", kRight)
      .output("hidden_states.0", kRight)
      .output("cross_attentions.1", kRight);
  const Trace trace = file.open();
  const auto finding = [&](const std::map<std::string, Values>& outputs) {
    return verify_functions({called(trace, "f", outputs)}, {}).at(0).finding;
  };
  EXPECT_EQ(finding({{"logits", row(kRight)}, {"pooled", row(kRight)}}), "");
  EXPECT_EQ(finding({{"logits", row(kRight)}}), "does not return pooled");
  EXPECT_EQ(finding({{"logits", row(kRight)}, {"pooled", row(kRight)}, {"x", row(kRight)}}),
            "returns x, which PyTorch does not");
}

TEST(Functions, StackedListsAreTakenApart) {
  TraceFile file;
  file.output("hidden_states.0", kRight).output("hidden_states.1", {3, 4});
  const Trace trace = file.open();
  const auto report = [&](const Shape& shape, const std::vector<float>& stack) {
    return verify_functions({called(trace, "f", {{"hidden_states", {shape, stack}}})}, {}).at(0);
  };
  EXPECT_EQ(report({2, 1, 2}, {1, 2, 3, 4}).verdict(), Verdict::kAgrees);
  EXPECT_EQ(report({2, 1, 2}, {1, 2, 3, 4}).outputs.size(), 2U);
  EXPECT_EQ(report({2, 1, 2}, {1, 2, 3, 5}).verdict(), Verdict::kDisagrees);
  EXPECT_EQ(report({1, 1, 2}, {1, 2}).verdict(), Verdict::kAgrees);  // on request, so one of them may be missing
  EXPECT_EQ(report({3, 1, 2}, {1, 2, 3, 4, 5, 6}).finding, "returns hidden_states.2, which PyTorch does not");
}

TEST(Functions, OfTrainingAreFiniteInShapeAndHaveDropout) {
  const auto finding = [](const char* training, const Values& values) {
    TraceFile file;
    file.output("logits", kRight);
    std::map<std::string, std::string> metadata;
    if (training != nullptr) metadata.emplace("training", training);
    const Trace trace = Trace::open(file.write(metadata));
    return verify_functions({called(trace, "f", {{"logits", values}}, /*training=*/true)}, {}).at(0).finding;
  };
  const char* changes = R"({"differs": true})";
  EXPECT_EQ(finding(changes, row(kOff)), "");
  EXPECT_EQ(finding(changes, row(kRight)), "returns what it returns without training: dropout is not active");
  EXPECT_EQ(finding(R"({"differs": false})", row(kRight)), "");
  EXPECT_EQ(finding(R"({"differs": false})", row(kOff)),
            "returns other numbers than without training, where PyTorch's do not change");
  EXPECT_EQ(finding(nullptr, row(kOff)), "");
  EXPECT_EQ(finding(nullptr, row(kRight)), "");
  EXPECT_EQ(finding(changes, row({1, std::nanf("")})), "logits holds NaN or infinity");
  EXPECT_EQ(finding(changes, row({1, 2, 3})), "logits: TensorFlow [1, 3], PyTorch [1, 2]");
}

TEST(Functions, OfTrainingMayHoldWhatPyTorchHolds) {
  const float nan = std::nanf("");
  const auto finding = [](const std::vector<float>& pytorch, const std::vector<float>& values) {
    TraceFile file;
    file.output("logits", pytorch);
    const Trace trace = Trace::open(file.write({{"training", R"({"differs": true})"}}));
    return verify_functions({called(trace, "f", {{"logits", row(values)}}, /*training=*/true)}, {}).at(0).finding;
  };
  EXPECT_EQ(finding({nan, 2}, {nan, 3}), "");
  EXPECT_EQ(finding({nan, 2}, {nan, nan}), "logits holds NaN or infinity");
}

TEST(Limits, OfOutputsAndOfWhatIsHidden) {
  TraceFile file;
  file.stage("a", {0}).output("hidden_states.0", {0}).output("last_hidden_state", {0}).output("logits", {0});
  const auto off = [&](float stage, float hidden, float logits) {
    return judged(file, {observed("a", {stage})},
                  {{"hidden_states.0", row({hidden})}, {"last_hidden_state", row({hidden})}, {"logits", row({logits})}},
                  {.max_error = 0.5, .max_hidden_error = 0.25});
  };
  EXPECT_TRUE(off(0.25, 0.25, 0.5).agrees());
  EXPECT_EQ(first(off(0.26F, 0, 0)), "a: a");
  EXPECT_EQ(first(off(0, 0.26F, 0)), "output.hidden_states.0");
  EXPECT_EQ(first(off(0, 0, 0.51F)), "output.logits");
}

TEST(Limits, AreTenMillionthsUnlessGiven) {
  TraceFile file;
  file.stage("a", {0}).output("x", {0});
  EXPECT_TRUE(judged(file, {observed("a", {0.99e-5F})}, {{"x", row({-0.99e-5F})}}).agrees());
  EXPECT_FALSE(judged(file, {observed("a", {1.01e-5F})}, {{"x", row({0})}}).agrees());
  EXPECT_FALSE(judged(file, {observed("a", {0})}, {{"x", row({1.01e-5F})}}).agrees());
}

// Neighbours of 190 are 1.5e-5 apart.
TEST(Limits, GrowWithTheElements) {
  TraceFile file;
  file.stage("a", {190}).output("x", {190});
  const float next = 190 + 0x1p-16F;
  EXPECT_EQ(judged(file, {observed("a", {next})}, {{"x", row({190})}}).verdict(), Verdict::kRounding);
  EXPECT_EQ(judged(file, {observed("a", {190})}, {{"x", row({next})}}).verdict(), Verdict::kRounding);
  EXPECT_FALSE(judged(file, {observed("a", {190 + 0x1.2p-12F})}, {{"x", row({190})}}).agrees());  // 2.7e-4 > 2.6e-4
  EXPECT_FALSE(judged(file, {observed("a", {next})}, {{"x", row({190})}}, {.strict = true}).agrees());
  const Verification both = judged(file, {observed("a", {next})}, {{"x", row({next})}});
  EXPECT_EQ(both.tensors_that(Verdict::kRounding).size(), 2U);
}

TEST(Rounding, IsJudgedByTheRunsInFloat64AndTheShakenOnes) {
  const auto verdict = [](double noise) {
    TraceFile file;
    file.add(DType::kI64, "input.attention_mask", {1, 2}, bytes_of(std::vector<std::int64_t>{1, 0}));
    file.stage("a", {1, 9}).output("x", {1, 9});
    for (const char* suffix : {"stage64.a", "output64.x"})
      file.add(DType::kF64, suffix, {1, 2}, bytes_of(std::vector<double>{1, 10}));
    for (const char* suffix : {"noise.a", "outputnoise.x"}) file.add(suffix, {0, static_cast<float>(noise)});
    return judged(file, {observed("a", {1, 13})}, {{"x", row({1, 13})}}, {.noise_multiple = 2});
  };
  EXPECT_EQ(verdict(1.5).verdict(), Verdict::kRounding);  // 3 from float64, twice 1.5
  EXPECT_FALSE(verdict(1.25).agrees());
  EXPECT_FALSE(verdict(1.25).stages[0].agrees());
  EXPECT_FALSE(verdict(1.25).outputs[0].agrees());
  EXPECT_EQ(verdict(1.5).stages[0].comparison.padded.tf_to_float64, 3);
}

TEST(Rounding, ThatDecidesWhatIsInATensorIsSaid) {
  const auto note = [](float value, float noise) {
    TraceFile file;
    file.stage("a", {1, 90}).output("x", {1, 90});
    for (const char* suffix : {"stage64.a", "output64.x"})
      file.add(DType::kF64, suffix, {1, 2}, bytes_of(std::vector<double>{1, 90}));
    for (const char* suffix : {"noise.a", "outputnoise.x"}) file.add(suffix, {0, noise});
    return flow::note_of_unstable(judged(file, {observed("a", {1, value})}, {{"x", row({1, value})}}));
  };
  EXPECT_THAT(note(91, 1).value_or(""), HasSubstr("shaken: a, output.x"));
  EXPECT_EQ(note(91, 0.8F), std::nullopt);
  EXPECT_EQ(note(90, 1), std::nullopt);   // nothing is left to noise
  EXPECT_EQ(note(100, 1), std::nullopt);  // disagrees
}

TEST(Coverage, AnInputThatTheSignatureLacksIsADisagreement) {
  TraceFile file;
  file.stage("a", kRight).output("x", kRight);
  const Trace trace = Trace::open(file.write({{"not_taken", R"(["decoder_attention_mask"])"}}));
  const Verification v = verify(trace, {{observed("a", kRight)}, {{"x", row(kRight)}}}, {}, {});
  EXPECT_FALSE(v.agrees());
  EXPECT_THAT(v.not_compared, ElementsAre("input decoder_attention_mask: PyTorch's forward takes it, the serving "
                                          "signature does not"));
}

TEST(Masks, AreThoseOfTheTensorsOwnSide) {
  // The decoder has as many positions as the padded text, and a mask of its own.
  TraceFile file;
  file.add(DType::kI64, "input.attention_mask", {1, 2}, bytes_of(std::vector<std::int64_t>{1, 0}));
  file.add(DType::kI64, "input.decoder_attention_mask", {1, 2}, bytes_of(std::vector<std::int64_t>{0, 1}));
  file.stage("encoder", kRight).stage("decoder", kRight).stage("elsewhere", kRight).output("logits", kRight);
  file.mask("encoder", "attention_mask").mask("decoder", "decoder_attention_mask");
  const Verification v = verify(
      Trace::open(file.write({{"output_masks", R"({"logits": "decoder_attention_mask"})"}})),
      {{observed("encoder", kOff), observed("decoder", kOff), observed("elsewhere", kOff)}, {{"logits", row(kOff)}}},
      {}, {});
  EXPECT_EQ(v.stages[0].comparison.padded.tf_to_pt, 0.5);
  EXPECT_EQ(v.stages[1].comparison.kept.tf_to_pt, 0.5);
  EXPECT_FALSE(v.stages[2].comparison.has_padded);
  EXPECT_EQ(v.outputs[0].comparison.kept.tf_to_pt, 0.5);
  EXPECT_TRUE(v.outputs[0].comparison.has_padded);
}

TEST(Masks, ExcludedPositionsMayBeNotComparable) {
  TraceFile file;
  file.add(DType::kI64, "input.attention_mask", {1, 2}, bytes_of(std::vector<std::int64_t>{1, 0}));
  file.stage("encoder", kRight).output("logits", kRight).mask("encoder", "attention_mask");
  const auto judge = [&](const std::string& tensors, const std::string& positions, const std::vector<float>& values) {
    const std::string masks = R"({"logits": "attention_mask"})";
    const std::string entry = "[{\"tensors\": [" + tensors + "], \"positions\": \"" + positions + "\"}]";
    return verify(Trace::open(file.write({{"output_masks", masks}, {"not_comparable", entry}})),
                  {{observed("encoder", values)}, {{"logits", row(values)}}}, {}, {});
  };
  const std::string both = R"("stage.encoder", "output.logits")";
  const Verification v = judge(both, "excluded", kOff);
  EXPECT_TRUE(v.agrees());
  EXPECT_EQ(v.stages[0].comparison.padded.tf_to_pt, 0.5);
  EXPECT_EQ(v.outputs[0].comparison.padded.tf_to_pt, 0.5);
  EXPECT_FALSE(judge(R"("stage.encoder")", "excluded", kOff).agrees());
  EXPECT_FALSE(judge(both, "excluded", {1.5, 2}).agrees());
  EXPECT_ERROR(judge(both, "all", kOff), ErrorKind::kBadInput, "positions that cannot be compared are \"all\"");
}

TEST(Masks, OfTracesThatDoNotSayAreTheEncodersAlone) {
  for (const bool decoder : {false, true}) {
    TraceFile file;
    file.add(DType::kI64, "input.attention_mask", {1, 2}, bytes_of(std::vector<std::int64_t>{1, 0}));
    if (decoder) file.add(DType::kI64, "input.decoder_input_ids", {1, 1}, bytes_of(std::vector<std::int64_t>{1}));
    file.stage("a", kRight).output("x", kRight);
    const Verification v = judged(file, {observed("a", kRight)}, {{"x", row(kRight)}});
    EXPECT_EQ(v.stages[0].comparison.has_padded, !decoder);
  }
}

TEST(Cells, AreTracesOfTheirOwn) {
  TraceFile file;
  file.stage("a", kRight).output("x", kRight);
  file.add("cell.0/input.ids", {5})
      .add("cell.0/output.x", kOff)
      .add("cell.1/input.mask", {1})
      .add("cell.1/output.x", kOff);
  const std::string cells = R"([{"name": "length_1", "what": "one token", "weights": null, "stages": []},
      {"name": "half", "what": "rounded", "weights": "float16", "stages": []}])";
  const Trace trace = Trace::open(file.write({{"cells", cells}, {"notes", R"(["ids were made up"])"}}));
  EXPECT_EQ(trace.inputs().size(), 1U);
  EXPECT_THAT(trace.outputs(), ElementsAre("x"));
  EXPECT_THAT(trace.notes(), ElementsAre("ids were made up"));
  ASSERT_EQ(trace.cells().size(), 2U);
  EXPECT_EQ(trace.cells()[0].name, "length_1");
  EXPECT_EQ(trace.cells()[0].what, "one token");
  EXPECT_EQ(trace.cells()[0].weights, "");
  EXPECT_EQ(trace.cells()[1].weights, "float16");
  EXPECT_TRUE(trace.cells()[1].trace.inputs().contains("mask"));
  EXPECT_EQ(floats_of(*trace.cells()[0].trace.find("output.x")), kOff);
  const auto path = file.write({{"cells", "[]"}});
  EXPECT_ERROR(Trace::open(path), ErrorKind::kBadInput, path.string() + ": holds cell.0/");
}

TEST(Traces, GiveWhatTheFileHolds) {
  TraceFile file;
  file.stage("a", kRight).returned("a", {{"a#1", kRight}}, 1).output("z", kRight).output("b", kRight);
  const Trace trace = Trace::open(file.write({{"class", "BertModel"}}));
  EXPECT_EQ(trace.inputs().size(), 1U);
  EXPECT_EQ(trace.inputs().at("ids").dtype, DType::kI64);
  ASSERT_EQ(trace.stages().size(), 2U);
  EXPECT_EQ(trace.stages()[1].path, "a");
  EXPECT_EQ(trace.stages()[1].call, 1);
  EXPECT_THAT(trace.stages()[1].tensors, ElementsAre("a#1"));
  EXPECT_THAT(trace.outputs(), testing::UnorderedElementsAre("z", "b"));
  EXPECT_EQ(trace.metadata("class"), "BertModel");
  EXPECT_EQ(floats_of(*trace.find("stage.a")), kRight);
  EXPECT_EQ(trace.find("stage.b"), nullptr);
  EXPECT_FALSE(trace.has_weights());
  EXPECT_ERROR(trace.metadata("seed"), ErrorKind::kBadInput, "trace.safetensors: the trace's metadata lacks \"seed\"");
}

TEST(Traces, OfGoldensHoldTheCheckpointToo) {
  const Trace trace = Trace::open(golden_path("bert_model"));
  EXPECT_TRUE(trace.has_weights());
  EXPECT_THAT(trace.outputs(), testing::Contains("last_hidden_state"));
  EXPECT_EQ(trace.stages().front().path, "embeddings.word_embeddings");
  EXPECT_EQ(trace.stages().front().class_name, "Embedding");
}

TEST(Traces, SayWhatIsWrong) {
  TraceFile good;
  good.stage("a", kRight).output("x", kRight);
  const auto expect_error = [](const std::filesystem::path& path, const std::string& text) {
    EXPECT_ERROR(Trace::open(path), ErrorKind::kBadInput, path.string() + text);
  };
  TemporaryFolder folder;
  const auto plain = folder.path() / "x.safetensors";
  write_file(plain, safetensors_bytes("{}", ""));
  expect_error(plain, ": is no trace of a PyTorch model; make one with `crossload record`");
  write_file(plain, safetensors_bytes(R"({"__metadata__":{"crossload_trace":"1"}})", ""));
  expect_error(plain, ": the trace's metadata lacks \"stages\"");
  write_file(plain, "{}");
  expect_error(plain, ": not a sound safetensors file");
  expect_error(good.write({{"stages", "[{"}}), " (stages): not valid JSON");
  expect_error(good.write({{"stages", "{}"}}), " (stages): is an object where an array is expected");
  expect_error(good.write({{"stages", "[{}]"}}), " (stages)[0]: has no \"path\"");
  const std::string head = R"([{"path":"a","class":"A","call":)";
  expect_error(good.write({{"stages", head + R"("0","tensors":[]}])"}}), " (stages)[0]: \"call\": is a string");
  expect_error(good.write({{"stages", head + R"(0,"tensors":"a"}])"}}), " (stages)[0]: \"tensors\": is a string");
  expect_error(good.write({{"stages", head + R"(0,"tensors":["z"]}])"}}), ": lists stage.z and does not hold it");
  expect_error(TraceFile().stage("a", kRight).write(), ": the trace has no inputs or no outputs");
}

TEST(Traces, HoldFloatingNumbersWhereTheyAreCompared) {
  for (const std::string name : {"stage.a", "stage64.b", "noise.b", "output64.x", "outputnoise.x"}) {
    TraceFile file;
    file.stage("b", kRight).output("x", kRight).add(DType::kU8, name, {1, 2}, "ab");
    const auto path = file.write();
    EXPECT_ERROR(Trace::open(path), ErrorKind::kBadInput, path.string() + ": " + name + " is U8");
  }
}

}  // namespace
}  // namespace crossload::verify

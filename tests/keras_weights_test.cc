// Binding: the names of variables, and the ledger of a checkpoint's tensors. Needs no TensorFlow.
#include <gmock/gmock.h>

#include "keras/weights.h"
#include "test_support.h"

namespace crossload::keras {
namespace {

using Keys = std::vector<std::string>;

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using Tensors = std::map<std::string, tensor::TensorView>;

tensor::TensorView zeros(const Shape& shape) {
  return view_of(shape, std::vector<float>(static_cast<std::size_t>(element_count(shape))));
}

Tensors tensors_of(const std::map<std::string, Shape>& shapes) {
  Tensors tensors;
  for (const auto& [key, shape] : shapes) tensors.emplace(key, zeros(shape));
  return tensors;
}

/// "key -> fate detail" of every tensor.
std::vector<std::string> lines_of(const Weights& weights) {
  std::vector<std::string> lines;
  for (const LedgerEntry& entry : weights.ledger()) {
    const char* fate = entry.fate == LedgerEntry::Fate::kBound  ? "bound"
                       : entry.fate == LedgerEntry::Fate::kTied ? "tied"
                                                                : "ignored";
    lines.push_back(entry.key + " -> " + fate + " " + entry.detail);
  }
  return lines;
}

/// The text of the error of check_complete; empty when it has nothing to say.
std::string complaint(const Weights& weights) {
  try {
    weights.check_complete("my-bert");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kBadInput);
    return error.what();
  }
  return "";
}

TEST(Scopes, FollowBothTreesOfNames) {
  Weights weights({});
  const Scope root(&weights);
  struct Case {
    Scope scope;
    const char* pytorch;
    const char* tensorflow;
  };
  const Scope layer = root / "bert" / "encoder" / "layer";
  for (const Case& c : {
           Case{root, "", ""},
           Case{root / "classifier", "classifier", "classifier"},
           Case{layer / 0, "bert.encoder.layer.0", "bert/encoder/layer_._0"},
           Case{layer / 11 / "output" / "dense", "bert.encoder.layer.11.output.dense",
                "bert/encoder/layer_._11/output/dense"},
           Case{root / "mlm___cls" / "predictions", "cls.predictions", "mlm___cls/predictions"},
           Case{root / "nsp___cls", "cls", "nsp___cls"},
           Case{(root / "encoder").child("stages.0", "stages.0"), "encoder.stages.0", "encoder/stages.0"},
           Case{root.child("wte", "shared"), "wte", "shared"},
           Case{root.in_tensorflow("bert") / "pooler", "pooler", "bert/pooler"},
           Case{(root / "decoder").in_tensorflow("main"), "decoder", "decoder/main"},
           Case{(root / "shared").outside_class("shared/shared"), "shared", "/shared/shared"},
           Case{(root / "a").outside_class("b") / "c", "a.c", "/b/c"},
       }) {
    EXPECT_EQ(c.scope.path(), c.pytorch);
    EXPECT_EQ(c.scope.tensorflow_path(), c.tensorflow);
  }
}

TEST(Variables, HaveTheNameKeyShapeAndLayoutOfTheirLayer) {
  Weights weights(tensors_of(
      {{"bert.dense.weight", {2, 3}}, {"bert.dense.bias", {2}}, {"scale", {}}, {"conv.weight", {5, 3, 2, 4}}}));
  const Scope root(&weights);
  const Variable& kernel =
      (root / "bert" / "dense").variable("kernel", "weight", {2, 3}, {.layout = tensor::Layout::kTranspose});
  const Variable& bias = (root / "bert" / "dense").variable("bias", "bias", {2}, {.trainable = false});
  const Variable& scale = root.variable("scale", "scale", {});
  const Variable& conv =
      (root / "conv").variable("kernel", "weight", {5, 3, 2, 4}, {.layout = tensor::Layout::kConv2D});
  EXPECT_EQ(kernel.name, "bert/dense/kernel");
  EXPECT_EQ(kernel.key, "bert.dense.weight");
  EXPECT_EQ(kernel.shape, (Shape{3, 2}));
  EXPECT_EQ(kernel.source.shape, (Shape{2, 3}));
  EXPECT_TRUE(kernel.trainable);
  EXPECT_FALSE(bias.trainable);
  EXPECT_EQ(scale.name, "scale");
  EXPECT_EQ(scale.shape, Shape{});
  EXPECT_EQ(conv.shape, (Shape{2, 4, 3, 5}));
  EXPECT_EQ(complaint(weights), "");
  ASSERT_EQ(weights.variables().size(), 4U);
  EXPECT_EQ(&weights.variables()[0], &kernel);  // references stay valid
  EXPECT_THAT(lines_of(weights),
              ElementsAre("bert.dense.bias -> bound bert/dense/bias", "bert.dense.weight -> bound bert/dense/kernel",
                          "conv.weight -> bound conv/kernel", "scale -> bound scale"));
}

TEST(Variables, ReadTheirSourceInTensorFlowsLayout) {
  Weights weights({{"dense.weight", view_of({2, 3}, {1, 2, 3, 4, 5, 6})}, {"token", view_of({4}, {1, 2, 3, 4})}});
  const Scope root(&weights);
  const Variable& kernel =
      (root / "dense").variable("kernel", "weight", {2, 3}, {.layout = tensor::Layout::kTranspose});
  const Variable& token = root.variable("token", "token", {4}, {.reshaped = {1, 2, 2}});
  std::vector<float> values(6);
  read_rows(kernel, 0, 3, values);
  EXPECT_THAT(values, ElementsAre(1, 4, 2, 5, 3, 6));
  std::vector<float> row(2);
  read_rows(kernel, 1, 1, row);
  EXPECT_THAT(row, ElementsAre(2, 5));
  EXPECT_EQ(token.shape, (Shape{1, 2, 2}));
  std::vector<float> whole(4);
  read_rows(token, 0, 1, whole);
  EXPECT_THAT(whole, ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(complaint(weights), "");
}

TEST(Variables, AreNamedInGraphsAndArtifacts) {
  Variable inside, outside;
  inside.name = "bert/pooler/dense/kernel";
  outside.name = "/shared/shared/embeddings";
  EXPECT_EQ(node_name(inside), "bert/pooler/dense/kernel");
  EXPECT_EQ(stored_name(inside), "bert/pooler/dense/kernel");
  EXPECT_EQ(node_name(outside), "shared/shared/embeddings");
  EXPECT_EQ(stored_name(outside), "shared/embeddings");
}

TEST(Completeness, OneErrorListsEverything) {
  Tensors tensors = tensors_of({{"a.weight", {3, 2}}, {"b.weight", {4}}, {"new.x", {1}}, {"new.y", {1}}});
  tensors.emplace("ids", view_of(DType::kI64, {2}, std::string(16, '\0')));
  Weights weights(std::move(tensors));
  const Scope root(&weights);
  (root / "a").variable("kernel", "weight", {2, 3}, {.layout = tensor::Layout::kTranspose});
  (root / "b").variable("gamma", "weight", {5});
  (root / "c").variable("kernel", "weight", {7, 7});
  (root / "c").variable("bias", "bias", {7});
  root.variable("ids", "ids", {2});
  EXPECT_EQ(
      complaint(weights),
      "my-bert: the checkpoint does not fit the model; 2 missing: c.weight, c.bias; 2 unexpected: new.x, new.y; "
      "3 of another shape or type: a.weight is [3, 2], wanted [2, 3] (it is transposed), b.weight is [4], wanted [5], "
      "ids is I64, wanted a floating type; is config.json the one of these weights, and is it the right head?");
}

TEST(Completeness, EachListAlone) {
  Weights missing({});
  Scope(&missing).variable("a", "a", {1});
  EXPECT_THAT(complaint(missing), HasSubstr("does not fit the model; 1 missing: a; is config.json"));
  Weights unexpected(tensors_of({{"a", {1}}}));
  EXPECT_THAT(complaint(unexpected), HasSubstr("does not fit the model; 1 unexpected: a; is config.json"));
  Weights mismatched(tensors_of({{"a", {1, 1}}}));
  Scope(&mismatched).variable("a", "a", {1});
  EXPECT_THAT(complaint(mismatched),
              HasSubstr("does not fit the model; 1 of another shape or type: a is [1, 1], wanted [1]; is"));
  Weights nothing({});
  EXPECT_EQ(complaint(nothing), "");
}

TEST(Completeness, LongListsAreCut) {
  std::map<std::string, Shape> shapes;
  for (char c = 'a'; c < 'a' + 21; ++c) shapes[std::string(1, c)] = {1};
  const Weights weights(tensors_of(shapes));
  EXPECT_THAT(complaint(weights), HasSubstr("21 unexpected: a, b, c and 18 more; is config.json"));
}

TEST(Completeness, NamesAreThoseOfTheFile) {
  Weights weights(tensors_of({{"bert.a", {1}}, {"bert.b", {2}}}), Weights::Source::kPyTorch,
                  {{"bert.a", "a"}, {"bert.b", "module.b"}});
  Scope(&weights).variable("b", "bert.b", {3});
  EXPECT_THAT(complaint(weights),
              HasSubstr("1 unexpected: a; 1 of another shape or type: module.b is [2], wanted [3];"));
}

TEST(Completeness, WhatTheUserLetsGoIsInTheLedgerWithTheReason) {
  Weights weights(tensors_of({{"a", {1}}, {"bert.crf.start", {1}}, {"bert.crf.x", {1}}, {"loss.weight", {1}}}),
                  Weights::Source::kPyTorch, {{"bert.crf.start", "crf.start"}, {"bert.crf.x", "crf.x"}});
  Scope(&weights).variable("a", "a", {1});
  weights.ignore_wanted("crf.*", "runs outside");
  EXPECT_THAT(complaint(weights), HasSubstr("1 unexpected: loss.weight;"));
  weights.ignore_wanted("lo?s.weight", "of training");
  EXPECT_EQ(complaint(weights), "");
  EXPECT_THAT(lines_of(weights),
              ElementsAre("a -> bound a", "bert.crf.start -> ignored runs outside",
                          "bert.crf.x -> ignored runs outside", "loss.weight -> ignored of training"));
}

TEST(Completeness, WhatTheModelNeedsIsNotLetGo) {
  Weights weights(tensors_of({{"a", {1}}, {"b", {1}}}));
  Scope(&weights).variable("a", "a", {1});
  EXPECT_ERROR(weights.ignore_wanted("a", "no"), ErrorKind::kUsage, "--ignore-tensors a: the model needs a; only");
  EXPECT_ERROR(weights.ignore_wanted("c*", "no"), ErrorKind::kUsage,
               "--ignore-tensors c*: no tensor of the checkpoint is called so");
  weights.ignore_wanted("*", "all that is left");
  EXPECT_THAT(lines_of(weights), ElementsAre("a -> bound a", "b -> ignored all that is left"));
}

TEST(Completeness, WhatTrainingAloneUsesMayBeMissing) {
  Weights weights(tensors_of({{"a", {1}}}));
  Scope(&weights).variable("a", "a", {1});
  const Variable& mask = Scope(&weights).variable("mask", Keys{"mask", "old_mask"}, {3}, {.training_only = true});
  EXPECT_EQ(complaint(weights), "");
  EXPECT_EQ(floats_of(mask.source), std::vector<float>(3, 0.0F));
  EXPECT_THAT(weights.notes(), ElementsAre(HasSubstr("lacks mask, which is used in training alone")));

  Weights old(tensors_of({{"old_mask", {3}}}));
  Scope(&old).variable("mask", Keys{"mask", "old_mask"}, {3}, {.training_only = true});
  EXPECT_EQ(complaint(old), "");
  EXPECT_THAT(old.notes(), ElementsAre("the checkpoint has mask by its old name, old_mask"));
}

TEST(Completeness, APartThatTheCheckpointLacksIsToldInANote) {
  Weights weights(tensors_of({{"a.poolers", {1}}, {"a.b", {1}}}));
  const Scope a = Scope(&weights) / "a";
  EXPECT_FALSE(a.has_part("pooler"));
  EXPECT_THAT(weights.notes(), ElementsAre(HasSubstr("the checkpoint has no a.pooler, so the model was made without")));
  Weights whole(tensors_of({{"a.pooler.dense.bias", {1}}}));
  EXPECT_TRUE((Scope(&whole) / "a").has_part("pooler"));
  EXPECT_THAT(whole.notes(), IsEmpty());
  Weights none({});
  EXPECT_TRUE(Scope(&none).has_part("pooler")) << "a model without a checkpoint has all that its class has";
  Weights artifact(tensors_of({{"bert/pooler/dense/bias", {1}}}), Weights::Source::kTensorFlow);
  EXPECT_TRUE(Scope(&artifact).in_tensorflow("bert").has_part("pooler"));
  EXPECT_FALSE(Scope(&artifact).in_tensorflow("bert").has_part("pool"));
}

TEST(Completeness, EmptyAndHalfPrecisionTensorsAreFine) {
  Tensors tensors = tensors_of({{"none", {0, 4}}});
  tensors.emplace("half", view_of(DType::kF16, {2}, "abcd"));
  Weights weights(std::move(tensors));
  const Scope root(&weights);
  root.variable("none", "none", {0, 4});
  root.variable("half", "half", {2});
  EXPECT_EQ(complaint(weights), "");
}

TEST(Ties, CountAsTheVariableOwnsTheTensor) {
  for (const bool held : {true, false}) {
    std::map<std::string, Shape> shapes = {{"bert.words.weight", {6, 2}}};
    if (held) shapes["cls.decoder.weight"] = {6, 2};
    Weights weights(tensors_of(shapes));
    const Scope root(&weights);
    const Variable& table = (root / "bert" / "words").variable("weight", "weight", {6, 2});
    (root / "mlm___cls" / "decoder").tie("weight", table);
    EXPECT_EQ(complaint(weights), "");
    EXPECT_EQ(weights.variables().size(), 1U);
    if (held) {
      EXPECT_THAT(lines_of(weights), ElementsAre("bert.words.weight -> bound bert/words/weight",
                                                 "cls.decoder.weight -> tied bert.words.weight"));
    } else {
      EXPECT_THAT(lines_of(weights), ElementsAre("bert.words.weight -> bound bert/words/weight"));
    }
  }
}

TEST(Aliases, TheFirstThatIsThereCounts) {
  const auto bind = [](Weights* weights) -> const Variable& {
    return (Scope(weights) / "cls").variable("bias", Keys{"bias", "decoder.bias"}, {3});
  };
  Weights first(tensors_of({{"cls.bias", {3}}}));
  EXPECT_EQ(bind(&first).key, "cls.bias");
  Weights second(tensors_of({{"cls.decoder.bias", {3}}}));
  EXPECT_EQ(bind(&second).key, "cls.decoder.bias");
  Weights both({{"cls.bias", view_of({3}, {1, 2, 3})}, {"cls.decoder.bias", view_of({3}, {4, 5, 6})}});
  EXPECT_EQ(floats_of(bind(&both).source), (std::vector<float>{1, 2, 3}));
  EXPECT_THAT(lines_of(both), ElementsAre("cls.bias -> bound cls/bias", "cls.decoder.bias -> tied cls.bias"));
  Weights neither({});
  bind(&neither);
  for (const Weights* weights : {&first, &second, &both}) EXPECT_EQ(complaint(*weights), "");
  EXPECT_THAT(complaint(neither), HasSubstr("1 missing: cls.bias;"));
}

TEST(Aliases, MustHoldTheSameWhereTheyAreNotTied) {
  const auto bind = [](const std::vector<float>& second, bool one_for_all) {
    Weights weights(Tensors{{"shared.weight", view_of({2}, {1, 2})}, {"encoder.weight", view_of({2}, second)}});
    Scope(&weights).variable("table", Keys{"shared.weight", "encoder.weight"}, {2}, {.one_for_all = one_for_all});
    return complaint(weights);
  };
  EXPECT_EQ(bind({1, 2}, true), "");
  EXPECT_EQ(bind({1, 3}, false), "");
  EXPECT_THAT(bind({1, 3}, true), HasSubstr("encoder.weight holds other numbers than shared.weight"));
}

TEST(FallingBack, IsForWhatTheCheckpointLacks) {
  const auto head_of = [](Tensors tensors, bool falls_back) {
    tensors.emplace("shared.weight", view_of({2}, {1, 2}));
    Weights weights(std::move(tensors));
    const Variable& shared = Scope(&weights).variable("shared", "shared.weight", {2});
    if (falls_back) (Scope(&weights) / "lm_head").fall_back("weight", shared);
    const Variable& head = (Scope(&weights) / "lm_head").variable("kernel", "weight", {2});
    return std::pair<std::string, std::string>(head.key, complaint(weights));
  };
  const Tensors own = {{"lm_head.weight", zeros({2})}};
  EXPECT_EQ(head_of(own, true), (std::pair<std::string, std::string>("lm_head.weight", "")));
  EXPECT_EQ(head_of({}, true), (std::pair<std::string, std::string>("shared.weight", "")));
  EXPECT_THAT(head_of({}, false).second, HasSubstr("1 missing: lm_head.weight"));
}

TEST(Ignoring, NeedsAMatchAndKeepsTheReason) {
  Weights weights(tensors_of({{"bert.embeddings.position_ids", {1}},
                              {"position_ids", {1}},
                              {"bert.my_position_ids", {1}},
                              {"cls.predictions.bias", {1}},
                              {"bert.cls.bias", {1}},
                              {"classifier.weight", {1}}}));
  weights.ignore("position_ids", "a buffer");
  weights.ignore("cls.", "no heads");
  weights.ignore("bert.embeddings.position_ids", "never reached: the first that matches counts");
  EXPECT_THAT(lines_of(weights),
              ElementsAre("bert.embeddings.position_ids -> ignored a buffer",
                          "cls.predictions.bias -> ignored no heads", "position_ids -> ignored a buffer"));
  EXPECT_THAT(complaint(weights), HasSubstr("3 unexpected: bert.cls.bias, bert.my_position_ids, classifier.weight;"));
}

TEST(Ignoring, NeverHidesABoundTensor) {
  Weights weights(tensors_of({{"cls.bias", {1}}}));
  weights.ignore("cls.", "no heads");
  (Scope(&weights) / "cls").variable("bias", "bias", {2});
  EXPECT_THAT(lines_of(weights), ElementsAre("cls.bias -> bound cls/bias"));
  EXPECT_THAT(complaint(weights), HasSubstr("cls.bias is [1], wanted [2]"));
}

/// "layer: variable, variable" of every direct layer.
std::vector<std::string> layers_of(const Weights& weights) {
  std::vector<std::string> lines;
  for (const TopLayer& layer : weights.top_layers()) {
    std::string line = layer.name + ":";
    for (const Variable* variable : layer.variables) line += " " + variable->name;
    lines.push_back(line);
  }
  return lines;
}

TEST(TopLayers, GroupVariablesInTheOrderTheyWereMade) {
  Weights weights({});
  const Scope root(&weights);
  (root / "bert" / "b").variable("kernel", "weight", {1});
  (root / "classifier").variable("kernel", "weight", {1});
  (root / "bert" / "a").variable("kernel", "weight", {1});
  root.variable("final_bias", "final_bias", {1});
  EXPECT_THAT(layers_of(weights), ElementsAre("bert: bert/b/kernel bert/a/kernel", "classifier: classifier/kernel",
                                              "final_bias: final_bias"));
}

TEST(TopLayers, ListSharedLayersInEach) {
  Weights weights({});
  const Scope root(&weights);
  const Scope words = root / "bert" / "words";
  words.variable("weight", "weight", {1});
  (root / "bert" / "words_too").variable("weight", "weight", {1});
  const Scope cls = root / "mlm___cls" / "predictions";
  cls.variable("bias", "bias", {1});
  cls.holds(words);
  EXPECT_THAT(layers_of(weights), ElementsAre("bert: bert/words/weight bert/words_too/weight",
                                              "mlm___cls: mlm___cls/predictions/bias bert/words/weight"));
}

TEST(TopLayers, NameLayersOutsideTheClass) {
  Weights weights({});
  const Scope root(&weights);
  const Scope shared = (root / "shared").outside_class("shared/shared");
  shared.variable("embeddings", "weight", {1});
  (root / "encoder").variable("scale", "scale", {1});
  (root / "encoder").holds(shared);
  EXPECT_THAT(layers_of(weights),
              ElementsAre("shared: /shared/shared/embeddings", "encoder: encoder/scale /shared/shared/embeddings"));
}

TEST(FromTensorFlow, VariablesAreFoundByNameInTheirOwnLayout) {
  Weights weights(
      {{"bert/dense/kernel", view_of({3, 2}, {1, 4, 2, 5, 3, 6})}, {"shared/embeddings", view_of({2}, {7, 8})}},
      Weights::Source::kTensorFlow);
  const Scope root(&weights);
  const Variable& kernel =
      (root / "bert" / "dense").variable("kernel", "weight", {2, 3}, {.layout = tensor::Layout::kTranspose});
  const Variable& shared = (root / "shared").outside_class("shared/shared").variable("embeddings", "weight", {2});
  (root / "lm_head").tie("weight", shared);
  EXPECT_EQ(complaint(weights), "");
  EXPECT_EQ(kernel.shape, (Shape{3, 2}));
  EXPECT_EQ(kernel.key, "bert.dense.weight");
  std::vector<float> values(6);
  read_rows(kernel, 0, 3, values);
  EXPECT_THAT(values, ElementsAre(1, 4, 2, 5, 3, 6));  // nothing is transposed again
  EXPECT_EQ(floats_of(shared.source), (std::vector<float>{7, 8}));
  EXPECT_THAT(lines_of(weights), ElementsAre("bert/dense/kernel -> bound bert/dense/kernel",
                                             "shared/embeddings -> bound /shared/shared/embeddings"));
}

TEST(FromTensorFlow, ErrorsNameVariables) {
  Weights weights(tensors_of({{"a/kernel", {2, 3}}, {"a.weight", {2, 3}}, {"extra", {1}}}),
                  Weights::Source::kTensorFlow);
  const Scope root(&weights);
  (root / "a").variable("kernel", "weight", {2, 3}, {.layout = tensor::Layout::kTranspose});
  (root / "b").variable("bias", "bias", {2});
  const std::string text = complaint(weights);
  EXPECT_THAT(text, HasSubstr("1 missing: b/bias; 2 unexpected: a.weight, extra; "
                              "1 of another shape or type: a/kernel is [2, 3], wanted [3, 2] (it is transposed)"));
}

TEST(FromTensorFlow, AliasesAreNotLookedFor) {
  Weights weights(tensors_of({{"cls/bias", {3}}}), Weights::Source::kTensorFlow);
  const Variable& bias = (Scope(&weights) / "cls").variable("bias", Keys{"bias", "decoder.bias"}, {3});
  EXPECT_EQ(complaint(weights), "");
  EXPECT_EQ(bias.key, "cls.bias");
}

}  // namespace
}  // namespace crossload::keras

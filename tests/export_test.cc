#include <gtest/gtest.h>

#include "checkpoint/shard_index.h"
#include "crossload/error.h"
#include "export/shards.h"
#include "export/variable_names.h"
#include "export/weights.h"
#include "fake_weights.h"

namespace crossload {
namespace {

constexpr std::size_t kPieceElements = (8 << 20) / sizeof(float);

TEST(VariableNames, AreThoseOfTransformers) {
  EXPECT_EQ(exporting::full_name("tf_bert_model", "bert/pooler/dense/kernel"),
            "tf_bert_model/bert/pooler/dense/kernel:0");
  EXPECT_EQ(exporting::full_name("tft5_model", "/shared/shared/embeddings"), "shared/shared/embeddings:0");
  EXPECT_EQ(exporting::key_of_full_name("tf_bert_model/bert/pooler/dense/kernel:0"), "bert/pooler/dense/kernel:0");
  EXPECT_EQ(exporting::key_of_full_name("model.shared/model.shared/embeddings:0"),
            "model.shared/model.shared/embeddings:0");
  EXPECT_EQ(exporting::key_of_full_name("final_logits_bias:0"), "final_logits_bias:0");
}

TEST(VariableNames, AreTheSameFromFullNameAndFromKey) {
  for (const std::string full : {"tf_bert_model/bert/pooler/dense/kernel:0", "model.shared/model.shared/embeddings:0",
                                 "shared/shared/embeddings:0", "final_logits_bias:0"}) {
    EXPECT_EQ(exporting::stored_name_of_full_name(full),
              exporting::stored_name_of_key(exporting::key_of_full_name(full)));
  }
  EXPECT_EQ(exporting::stored_name_of_full_name("tf_bert_model/bert/pooler/dense/kernel"), "bert/pooler/dense/kernel");
  EXPECT_EQ(exporting::stored_name_of_full_name("model.shared/model.shared/embeddings:0"), "model.shared/embeddings");
}

TEST(Weights, AreOrderedAsKerasOrdersThem) {
  FakeWeights fake;
  fill_small(&fake);
  std::vector<std::string> names;
  for (const keras::Variable* variable : exporting::model_weights(fake.layers())) names.push_back(variable->name);
  EXPECT_EQ(names, (std::vector<std::string>{"main/embeddings/weight", "main/dense/kernel", "main/conv/kernel",
                                             "main/conv1d/kernel", "main/scale", "main/none", "main/mean",
                                             "classifier/kernel"}));
}

TEST(Weights, OfOneNameMustBeOneVariable) {
  FakeWeights fake;
  fake.layer("a").add("x", {1}).layer("b").add("x", {1});
  EXPECT_EQ(error_of([&] { exporting::model_weights(fake.layers()); }),
            "3 layer b: two different variables are named x");
}

TEST(Weights, StreamInTensorFlowsLayout) {
  FakeWeights fake;
  fill_small(&fake);
  for (std::size_t i = 0; i < fake.variables().size(); ++i) {
    std::vector<float> values;
    exporting::stream_float32(fake.variables()[i], [&](std::span<const float> piece) {
      values.insert(values.end(), piece.begin(), piece.end());
    });
    EXPECT_EQ(values, fake.expected(i)) << fake.variables()[i].name;
  }
}

TEST(Weights, StreamInBoundedPieces) {
  FakeWeights fake;
  fake.layer("a")
      .add("long row", {1, 5'000'000})
      .add("linear", {1500, 2000}, tensor::Layout::kTranspose)
      .add("pointwise", {1500, 2000, 1, 1}, tensor::Layout::kConv2D)
      .add("patches", {800, 100, 6, 6}, tensor::Layout::kConv2D);
  for (std::size_t i = 0; i < fake.variables().size(); ++i) {
    std::size_t pieces = 0;
    std::vector<float> values;
    exporting::stream_float32(fake.variables()[i], [&](std::span<const float> piece) {
      EXPECT_LE(piece.size(), kPieceElements);
      values.insert(values.end(), piece.begin(), piece.end());
      ++pieces;
    });
    EXPECT_GE(pieces, 2U) << fake.variables()[i].name;
    EXPECT_TRUE(values == fake.expected(i)) << fake.variables()[i].name;
  }
}

TEST(Weights, MustFillTheirShape) {
  FakeWeights fake;
  fake.layer("a").add("x", {2, 3});
  fake.variable(0).shape = {2, 4};
  const auto stream = [&] { exporting::stream_float32(fake.variables()[0], [](std::span<const float>) {}); };
  EXPECT_EQ(error_of(stream),
            "3 variable x of shape [2, 4] cannot be filled from key.x of shape [2, 3] and 24 bytes of F32");
  fake.variable(0).shape = {2, 3};
  fake.variable(0).source.bytes = fake.variable(0).source.bytes.first(20);
  EXPECT_EQ(error_of(stream),
            "3 variable x of shape [2, 3] cannot be filled from key.x of shape [2, 3] and 20 bytes of F32");
}

TEST(Shards, SizesAreReadAsTransformersReadsThem) {
  EXPECT_EQ(parse_shard_size("10GB"), 10'000'000'000);
  EXPECT_EQ(parse_shard_size("1gb"), 125'000'000);  // a small b: bits
  EXPECT_EQ(parse_shard_size("500MB"), 500'000'000);
  EXPECT_EQ(parse_shard_size("8Kb"), 1'000);
  EXPECT_EQ(parse_shard_size("3GiB"), 3LL << 30);
  EXPECT_EQ(parse_shard_size("200mib"), 200LL << 20);
  EXPECT_EQ(parse_shard_size("1KiB"), 1024);
  EXPECT_EQ(parse_shard_size("4096"), 4096);
  for (const char* wrong :
       {"", "GB", "-1GB", "0", "1.5GB", "1 GB", "10TB", "99999999999999999999", "9999999999999GiB"}) {
    EXPECT_EQ(error_of([&] { parse_shard_size(wrong); }),
              "2 shard size \"" + std::string(wrong) +
                  "\": a positive number with a unit is expected, such as 10GB, 500MB or 200MiB");
  }
}

std::vector<std::vector<std::int64_t>> planned(const std::vector<std::int64_t>& sizes, std::int64_t limit) {
  FakeWeights fake;
  fake.layer("a");
  for (std::int64_t size : sizes) fake.add(std::to_string(fake.variables().size()), {size});
  std::vector<std::vector<std::int64_t>> plan;
  for (const auto& shard : exporting::plan_shards(exporting::model_weights(fake.layers()),
                                                  limit * static_cast<std::int64_t>(sizeof(float)))) {
    plan.emplace_back();
    for (const keras::Variable* variable : shard) plan.back().push_back(variable->shape[0]);
  }
  return plan;
}

TEST(Shards, AreFilledInOrder) {
  using Plan = std::vector<std::vector<std::int64_t>>;
  // The example in the documentation of tf_shard_checkpoint.
  EXPECT_EQ(planned({6, 6, 2, 6, 2, 2}, 10), (Plan{{6}, {6, 2}, {6, 2, 2}}));
  EXPECT_EQ(planned({6, 4}, 10), (Plan{{6, 4}}));
  EXPECT_EQ(planned({20, 4, 20, 1}, 10), (Plan{{20}, {4}, {20}, {1}}));
  EXPECT_EQ(planned({}, 10), (Plan{{}}));
}

TEST(Shards, HaveTheNamesOfTransformers) {
  EXPECT_EQ(exporting::shard_file_name("tf_model.h5", 0, 2), "tf_model-00001-of-00002.h5");
  EXPECT_EQ(exporting::shard_file_name("model.safetensors", 11, 12), "model-00012-of-00012.safetensors");
}

TEST(Shards, IndexMustStayInItsFolder) {
  TemporaryFolder folder;
  const auto index = folder.path() / "tf_model.h5.index.json";
  for (const std::string shard : {"", ".", "..", "../x.h5", "/etc/passwd", "a/b"}) {
    write_file(index, R"({"weight_map": {"m/x:0": ")" + shard + "\"}}");
    EXPECT_EQ(error_of([&] { checkpoint::read_shard_index(index); }),
              "3 " + index.string() + ": names the shard \"" + shard + "\", which is not a file of its folder");
  }
}

}  // namespace
}  // namespace crossload

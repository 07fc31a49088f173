#include "export/stored_weights.h"

#include <gtest/gtest.h>

#include <protozero/pbf_writer.hpp>

#include "export/h5_writer.h"
#include "export/safetensors_writer.h"
#include "export/shards.h"
#include "export/tensor_bundle.h"
#include "export/weights.h"
#include "fake_weights.h"
#include "tensor/half.h"

namespace crossload {
namespace {

/// A TrackableObjectGraph with one node a variable.
std::string object_graph(const FakeWeights& fake) {
  std::string graph;
  protozero::pbf_writer writer(graph);
  for (std::size_t i = 0; i < fake.variables().size(); ++i) {
    protozero::pbf_writer node(writer, 1);
    protozero::pbf_writer attribute(node, 2);
    attribute.add_string(1, "VARIABLE_VALUE");
    attribute.add_string(2, "tf_model/" + fake.variables()[i].name);
    attribute.add_string(3, "variables/" + std::to_string(i) + "/.ATTRIBUTES/VARIABLE_VALUE");
  }
  return graph;
}

void write_bundle(const std::filesystem::path& prefix, const FakeWeights& fake, const std::string& graph) {
  exporting::TensorBundleWriter writer(prefix);
  for (std::size_t i = 0; i < fake.variables().size(); ++i) {
    writer.add("variables/" + std::to_string(i) + "/.ATTRIBUTES/VARIABLE_VALUE", fake.variables()[i]);
  }
  writer.add_string(std::string(exporting::kObjectGraphKey), graph);
  writer.finish();
}

class StoredWeightsTest : public testing::Test {
 protected:
  StoredWeightsTest() { fill_small(&fake_); }

  void expect_all(const exporting::StoredWeights& stored) {
    EXPECT_EQ(stored.tensors().size(), fake_.variables().size());
    for (std::size_t i = 0; i < fake_.variables().size(); ++i) {
      const keras::Variable& variable = fake_.variables()[i];
      ASSERT_TRUE(stored.tensors().contains(variable.name)) << variable.name;
      EXPECT_EQ(stored.tensors().at(variable.name).shape, variable.shape);
      EXPECT_EQ(stored.tensors().at(variable.name).dtype, DType::kF32);
      const std::vector<float> expected = fake_.expected(i);
      std::vector<float> values(expected.size());
      stored.read(variable.name, values);
      EXPECT_EQ(values, expected) << variable.name;
    }
    std::vector<float> part(3);
    stored.read("main/conv/kernel", 17, part);
    const std::vector<float> whole = fake_.expected(3);
    EXPECT_EQ(part, std::vector<float>(whole.begin() + 17, whole.begin() + 20));
  }

  std::string file(const std::string& name) const { return (folder_.path() / name).string(); }

  TemporaryFolder folder_;
  FakeWeights fake_;
};

/// What variables of half precision hold, and in so many bytes.
class HalfStoredWeightsTest : public StoredWeightsTest {
 protected:
  HalfStoredWeightsTest() { fake_.layer("more").add("more/kernel", {40, 40}); }  // eighths that bfloat16 has not

  void keep_in(DType dtype) {
    dtype_ = dtype;
    for (std::size_t i = 0; i < fake_.variables().size(); ++i) fake_.variable(i).dtype = dtype;
  }

  void expect_rounded(const exporting::StoredWeights& stored) {
    const auto rounded = dtype_ == DType::kF16 ? tensor::through_float16 : tensor::through_bfloat16;
    bool changes = false;
    for (std::size_t i = 0; i < fake_.variables().size(); ++i) {
      const keras::Variable& variable = fake_.variables()[i];
      ASSERT_TRUE(stored.tensors().contains(variable.name)) << variable.name;
      EXPECT_EQ(stored.tensors().at(variable.name).dtype, dtype_);
      std::vector<float> expected = fake_.expected(i);
      for (float& value : expected) {
        changes = changes || rounded(value) != value;
        value = rounded(value);
      }
      std::vector<float> values(expected.size());
      stored.read(variable.name, values);
      EXPECT_EQ(values, expected) << variable.name;
    }
    EXPECT_EQ(changes, dtype_ == DType::kBF16);
  }

 private:
  DType dtype_ = DType::kF32;
};

TEST_F(HalfStoredWeightsTest, ReadH5) {
  keep_in(DType::kF16);
  exporting::write_h5(folder_.path(), "tf_model", fake_.layers(), exporting::kDefaultMaxShardSize);
  expect_rounded(*exporting::open_h5_weights(folder_.path()));
}

TEST_F(HalfStoredWeightsTest, H5HasNoBfloat16) {
  keep_in(DType::kBF16);
  EXPECT_ERROR(exporting::write_h5(folder_.path(), "tf_model", fake_.layers(), exporting::kDefaultMaxShardSize),
               ErrorKind::kUsage, "HDF5 has no BF16");
}

TEST_F(HalfStoredWeightsTest, ReadSafetensorsInShardsOfTheirSize) {
  for (const DType dtype : {DType::kF16, DType::kBF16}) {
    keep_in(dtype);
    exporting::write_tf_safetensors(folder_.path(), "tf_model", fake_.layers(), exporting::kDefaultMaxShardSize);
    expect_rounded(*exporting::open_safetensors_weights(folder_.path()));
  }
  EXPECT_EQ(exporting::byte_size(fake_.variables().front()), 2 * element_count(fake_.variables().front().shape));
}

TEST_F(StoredWeightsTest, ReadH5) {
  exporting::write_h5(folder_.path(), "tf_model", fake_.layers(), exporting::kDefaultMaxShardSize);
  expect_all(*exporting::open_h5_weights(folder_.path()));
}

TEST_F(StoredWeightsTest, ReadShardsOfH5) {
  ASSERT_EQ(exporting::write_h5(folder_.path(), "tf_model", fake_.layers(), 100).size(), 6U);
  expect_all(*exporting::open_h5_weights(folder_.path()));
}

TEST_F(StoredWeightsTest, ReadSafetensors) {
  exporting::write_tf_safetensors(folder_.path(), "tf_model", fake_.layers(), exporting::kDefaultMaxShardSize);
  expect_all(*exporting::open_safetensors_weights(folder_.path()));
}

TEST_F(StoredWeightsTest, ReadShardsOfSafetensors) {
  ASSERT_EQ(exporting::write_tf_safetensors(folder_.path(), "tf_model", fake_.layers(), 100).size(), 6U);
  expect_all(*exporting::open_safetensors_weights(folder_.path()));
}

TEST_F(StoredWeightsTest, ReadTensorBundles) {
  write_bundle(folder_.path() / "variables", fake_, object_graph(fake_));
  expect_all(*exporting::open_bundle_weights(folder_.path() / "variables"));
}

TEST_F(StoredWeightsTest, CheckNamesAndSizes) {
  exporting::write_tf_safetensors(folder_.path(), "tf_model", fake_.layers(), exporting::kDefaultMaxShardSize);
  const auto stored = exporting::open_safetensors_weights(folder_.path());
  std::vector<float> out(4);
  const std::string where = "3 " + folder_.path().string() + ": ";
  EXPECT_EQ(error_of([&] { stored->read("x", out); }), where + "has no variable x");
  EXPECT_EQ(error_of([&] { stored->read("main/mean", out); }),
            where + "variable main/mean of shape [3] is read as 4 elements");
  EXPECT_EQ(error_of([&] { stored->read("main/mean", 0, out); }),
            where + "variable main/mean has 3 elements; 4 from 0 on are asked for");
  EXPECT_EQ(error_of([&] { stored->read("main/mean", -1, std::span(out).first(1)); }),
            where + "variable main/mean has 3 elements; 1 from -1 on are asked for");
}

TEST_F(StoredWeightsTest, WidenHalves) {
  const std::string half("\0\x3c\0\xc0", 4);  // 1, -2
  exporting::write_safetensors(
      folder_.path() / "model.safetensors",
      {{"x:0", DType::kF16, {2}, [&](const exporting::ByteSink& put) { put(std::as_bytes(std::span(half))); }}},
      {{"format", "tf"}});
  const auto stored = exporting::open_safetensors_weights(folder_.path());
  EXPECT_EQ(stored->tensors().at("x").dtype, DType::kF16);
  std::vector<float> values(2);
  stored->read("x", values);
  EXPECT_EQ(values, (std::vector<float>{1, -2}));
}

TEST_F(StoredWeightsTest, RefuseWhatIsNotTensorFlows) {
  exporting::write_safetensors(folder_.path() / "model.safetensors", {}, {{"format", "pt"}});
  EXPECT_EQ(error_of([&] { exporting::open_safetensors_weights(folder_.path()); }),
            "3 " + file("model.safetensors") +
                ": its metadata do not say \"format\": \"tf\"; these are no weights of a TensorFlow model");
}

TEST_F(StoredWeightsTest, SayWhatIsMissing) {
  EXPECT_EQ(error_of([&] { exporting::open_h5_weights(folder_.path()); }),
            "3 " + folder_.path().string() + ": has neither tf_model.h5 nor tf_model.h5.index.json");
  EXPECT_EQ(error_of([&] { exporting::open_bundle_weights(folder_.path() / "variables"); }),
            "3 " + file("variables.index") + ": cannot be read: No such file or directory");
}

TEST_F(StoredWeightsTest, CompareShardsWithTheirIndex) {
  exporting::write_h5(folder_.path(), "tf_model", fake_.layers(), 720);
  const std::string index = read_file(file("tf_model.h5.index.json"));
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string changed = index;
    write_file(file("tf_model.h5.index.json"), changed.replace(changed.find(from), from.size(), to));
    return error_of([&] { exporting::open_h5_weights(folder_.path()); });
  };
  EXPECT_EQ(
      with("tf_model/main/mean:0", "tf_model/main/more:0"),
      "3 " + file("tf_model-00001-of-00002.h5") + ": holds main/mean, which tf_model.h5.index.json does not put there");
  EXPECT_EQ(with("\"tf_model/main/mean:0\"",
                 R"("tf_model/main/more:0": "tf_model-00001-of-00002.h5", "tf_model/main/mean:0")"),
            "3 " + file("tf_model.h5.index.json") + ": puts main/more into tf_model-00001-of-00002.h5, which lacks it");
  std::filesystem::remove(file("tf_model-00002-of-00002.h5"));
  EXPECT_EQ(with("metadata", "metadata"),
            "3 " + file("tf_model.h5.index.json") + ": names the shard tf_model-00002-of-00002.h5, which is not there");
}

TEST_F(StoredWeightsTest, NeedTheGraphOfABundle) {
  write_bundle(folder_.path() / "variables", fake_, "no protocol buffer");
  EXPECT_TRUE(
      error_of([&] {
        exporting::open_bundle_weights(folder_.path() / "variables");
      }).starts_with("3 " + file("variables.index") + ": not a sound TensorBundle: its object graph cannot be read: "));
  FakeWeights more;
  fill_small(&more);
  more.add("more", {1});
  write_bundle(folder_.path() / "variables", fake_, object_graph(more));
  EXPECT_EQ(
      error_of([&] { exporting::open_bundle_weights(folder_.path() / "variables"); }),
      "3 " + file("variables") + ": its object graph names variables/8/.ATTRIBUTES/VARIABLE_VALUE, which it lacks");
}

}  // namespace
}  // namespace crossload

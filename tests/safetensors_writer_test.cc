#include "export/safetensors_writer.h"

#include <gtest/gtest.h>

#include "bytes/json.h"
#include "checkpoint/safetensors.h"
#include "export/shards.h"
#include "fake_weights.h"

namespace crossload {
namespace {

std::function<void(const exporting::ByteSink&)> text(const std::string& bytes) {
  return [bytes](const exporting::ByteSink& put) { put(std::as_bytes(std::span(bytes.data(), bytes.size()))); };
}

std::vector<float> floats(const tensor::TensorView& view) {
  std::vector<float> values(view.bytes.size() / sizeof(float));
  tensor::widen_to_float32(view.dtype, view.bytes.data(), static_cast<std::int64_t>(values.size()), values.data());
  return values;
}

// Written by safetensors 0.8.0 from the same tensors, in Python.
TEST(SafetensorsWriter, WritesTheBytesOfTheReference) {
  TemporaryFolder folder;
  const auto path = folder.path() / "x.safetensors";
  exporting::write_safetensors(path,
                               {{"b.u8", DType::kU8, {3}, text("abc")},
                                {"z.i64", DType::kI64, {1}, text("12345678")},
                                {"b.f32", DType::kF32, {1, 2}, text("ABCDEFGH")},
                                {"a.f32", DType::kF32, {}, text("abcd")},
                                {"none", DType::kF16, {0, 2}, text("")}},
                               {{"format", "pt"}});
  const std::string header =
      R"({"__metadata__":{"format":"pt"},"z.i64":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},)"
      R"("a.f32":{"dtype":"F32","shape":[],"data_offsets":[8,12]},)"
      R"("b.f32":{"dtype":"F32","shape":[1,2],"data_offsets":[12,20]},)"
      R"("none":{"dtype":"F16","shape":[0,2],"data_offsets":[20,20]},)"
      R"("b.u8":{"dtype":"U8","shape":[3],"data_offsets":[20,23]}}    )";
  ASSERT_EQ(header.size(), 0x148U);
  EXPECT_EQ(read_file(path), std::string("\x48\x01\0\0\0\0\0\0", 8) + header + "12345678abcdABCDEFGHabc");
}

TEST(SafetensorsWriter, EscapesNamesAsJson) {
  TemporaryFolder folder;
  const auto path = folder.path() / "x.safetensors";
  exporting::write_safetensors(path, {{"\xc3\xa4/\"q\"\n", DType::kU8, {1}, text("a")}}, {{"k\\", "v\t"}});
  const checkpoint::SafetensorsFile file = checkpoint::SafetensorsFile::open(path);
  EXPECT_TRUE(file.tensors().contains("\xc3\xa4/\"q\"\n"));
  EXPECT_EQ(file.metadata().at("k\\"), "v\t");
}

TEST(SafetensorsWriter, WritesNothingToo) {
  TemporaryFolder folder;
  exporting::write_safetensors(folder.path() / "x.safetensors", {}, {});
  EXPECT_EQ(read_file(folder.path() / "x.safetensors"), std::string("\x08\0\0\0\0\0\0\0{}      ", 16));
}

TEST(SafetensorsWriter, RefusesWhatItCannotWrite) {
  TemporaryFolder folder;
  const auto path = folder.path() / "x.safetensors";
  const auto written = [&](std::vector<exporting::TensorToWrite> tensors) {
    return error_of([&] { exporting::write_safetensors(path, std::move(tensors), {}); });
  };
  const std::string where = "3 " + path.string() + ": cannot be written: ";
  EXPECT_EQ(written({{"a", DType::kU8, {3}, text("ab")}}), where + "tensor a has 2 bytes where 3 are expected");
  EXPECT_EQ(written({{"a", DType::kU8, {1}, text("abc")}}), where + "tensor a has 3 bytes where 1 are expected");
  EXPECT_EQ(written({{"a", DType::kU8, {1}, text("a")}, {"a", DType::kU8, {1}, text("a")}}),
            where + "two entries are named \"a\"");
  EXPECT_EQ(written({{"__metadata__", DType::kU8, {1}, text("a")}}), where + "two entries are named \"__metadata__\"");
  EXPECT_EQ(written({{"a", DType::kF64, {std::int64_t{1} << 61}, text("")}}), where + "the size of a overflows");
}

TEST(SafetensorsWriter, SaysWhichFileCannotBeWritten) {
  const auto write = [] { exporting::write_safetensors("/nonexistent/x.safetensors", {}, {}); };
  EXPECT_EQ(error_of(write), "5 /nonexistent/x.safetensors: cannot be written: No such file or directory");
}

TEST(SafetensorsWriter, SaysThatTheDiskIsFull) {
  const auto write = [] { exporting::write_safetensors("/dev/full", {}, {}); };
  EXPECT_EQ(error_of(write),
            "5 /dev/full: cannot be written: No space left on device; make room or write to another disk");
}

TEST(TfSafetensors, HoldEveryVariableOnceUnderItsKey) {
  TemporaryFolder folder;
  FakeWeights fake;
  fill_small(&fake);
  EXPECT_EQ(exporting::write_tf_safetensors(folder.path(), "tf_model", fake.layers(), exporting::kDefaultMaxShardSize),
            std::vector<std::string>{"model.safetensors"});
  const checkpoint::SafetensorsFile file = checkpoint::SafetensorsFile::open(folder.path() / "model.safetensors");
  EXPECT_EQ(file.metadata(), (std::map<std::string, std::string>{{"format", "tf"}}));
  EXPECT_EQ(file.tensors().size(), fake.variables().size());
  for (std::size_t i = 0; i < fake.variables().size(); ++i) {
    const tensor::TensorView& view = file.tensors().at(fake.variables()[i].name + ":0");
    EXPECT_EQ(view.shape, fake.variables()[i].shape);
    EXPECT_EQ(floats(view), fake.expected(i));
  }
}

TEST(TfSafetensors, AreCutIntoShards) {
  TemporaryFolder folder;
  FakeWeights fake;
  fake.layer("a").add("a/x", {100}).add("a/y", {3}).add("a/z", {2}).layer("b").add("b/x", {4}).share(1);
  EXPECT_EQ(exporting::write_tf_safetensors(folder.path(), "tf_model", fake.layers(), 20),
            (std::vector<std::string>{"model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors",
                                      "model-00003-of-00003.safetensors", "model.safetensors.index.json"}));
  // The layout of Transformers' file.
  EXPECT_EQ(read_file(folder.path() / "model.safetensors.index.json"), R"({
  "metadata": {
    "total_size": 436
  },
  "weight_map": {
    "tf_model/a/x:0": "model-00001-of-00003.safetensors",
    "tf_model/a/y:0": "model-00002-of-00003.safetensors",
    "tf_model/a/z:0": "model-00002-of-00003.safetensors",
    "tf_model/b/x:0": "model-00003-of-00003.safetensors"
  }
}
)");
  const checkpoint::SafetensorsFile file =
      checkpoint::SafetensorsFile::open(folder.path() / "model-00002-of-00003.safetensors");
  EXPECT_EQ(file.tensors().size(), 2U);
  EXPECT_EQ(floats(file.tensors().at("a/y:0")), fake.expected(1));
}

}  // namespace
}  // namespace crossload
